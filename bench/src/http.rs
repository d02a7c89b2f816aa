//! A small blocking HTTP/1.1 client that plays the browser: keep-alive
//! connections, a cookie jar per port, redirects on request.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// An answer.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One browser. It connects to 127.0.0.1 whatever the host is called.
#[derive(Default)]
pub struct Browser {
    connections: HashMap<u16, BufReader<TcpStream>>,
    cookies: HashMap<u16, Vec<(String, String)>>,
    refuses_cookies: bool,
}

impl Browser {
    /// A browser that keeps no cookies.
    pub fn without_cookies() -> Self {
        Self {
            refuses_cookies: true,
            ..Self::default()
        }
    }

    /// Becomes a new browser towards one server: new connection, no cookies.
    pub fn forget(&mut self, port: u16) {
        self.connections.remove(&port);
        self.cookies.remove(&port);
    }

    /// Drops the cookies for one server, and keeps the connection.
    pub fn forget_cookies(&mut self, port: u16) {
        self.cookies.remove(&port);
    }

    pub fn set_cookie(&mut self, port: u16, name: &str, value: &str) {
        let jar = self.cookies.entry(port).or_default();
        jar.retain(|(n, _)| n != name);
        jar.push((name.to_owned(), value.to_owned()));
    }

    pub fn get(&mut self, url: &str) -> io::Result<Reply> {
        self.send("GET", url, "", None)
    }

    /// Posts a form, with the value of an `Authorization` header if need be.
    pub fn post(
        &mut self,
        url: &str,
        form: &str,
        authorization: Option<&str>,
    ) -> io::Result<Reply> {
        self.send("POST", url, form, authorization)
    }

    /// Gets `url` and follows redirects until one leads to an address that
    /// begins with `stop`, or none comes. Returns the last address, too.
    pub fn follow(&mut self, url: &str, stop: &str) -> io::Result<(String, Reply)> {
        let mut url = url.to_owned();
        for _ in 0..10 {
            let reply = self.get(&url)?;
            let Some(location) = &reply.location else {
                return Ok((url, reply));
            };
            let (_, host, _) = split(&url)?;
            url = match location.strip_prefix('/') {
                Some(path) => format!("http://{host}/{path}"),
                None => location.clone(),
            };
            if !stop.is_empty() && url.starts_with(stop) {
                return Ok((url, reply));
            }
        }
        Err(io::Error::other("too many redirects"))
    }

    fn send(
        &mut self,
        method: &str,
        url: &str,
        body: &str,
        authorization: Option<&str>,
    ) -> io::Result<Reply> {
        let (port, host, path) = split(url)?;
        let cookies = self
            .cookies
            .get(&port)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let cookies: Vec<_> = cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n");
        if !cookies.is_empty() {
            request.push_str(&format!("Cookie: {}\r\n", cookies.join("; ")));
        }
        if let Some(value) = authorization {
            request.push_str(&format!("Authorization: {value}\r\n"));
        }
        if method == "POST" {
            request.push_str(&format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        request.push_str("\r\n");
        request.push_str(body);

        let kept = self.connections.remove(&port);
        let was_kept = kept.is_some();
        let connection = match kept {
            Some(connection) => connection,
            None => connect(port)?,
        };
        let (reply, connection) = match exchange(connection, &request) {
            // The server closed a connection that it had kept.
            Err(_) if was_kept => exchange(connect(port)?, &request)?,
            other => other?,
        };
        if let Some(connection) = connection {
            self.connections.insert(port, connection);
        }
        for line in reply.head.lines().filter(|_| !self.refuses_cookies) {
            let Some((name, value)) = line.split_once(": ") else {
                continue;
            };
            if !name.eq_ignore_ascii_case("set-cookie") {
                continue;
            }
            let (pair, attributes) = value.split_once(';').unwrap_or((value, ""));
            if let Some((name, value)) = pair.split_once('=') {
                let jar = self.cookies.entry(port).or_default();
                jar.retain(|(n, _)| n != name);
                if !attributes.to_ascii_lowercase().contains("max-age=0") {
                    jar.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        Ok(reply)
    }
}

fn split(url: &str) -> io::Result<(u16, &str, &str)> {
    let wrong = || io::Error::other(format!("not an address on this machine: {url}"));
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    let port = host
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .ok_or_else(wrong)?;
    Ok((port, host, if path.is_empty() { "/" } else { path }))
}

fn connect(port: u16) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(BufReader::new(stream))
}

type Exchanged = (Reply, Option<BufReader<TcpStream>>);

fn exchange(mut connection: BufReader<TcpStream>, request: &str) -> io::Result<Exchanged> {
    connection.get_mut().write_all(request.as_bytes())?;
    let mut head = String::new();
    loop {
        if connection.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if head.ends_with("\r\n\r\n") {
            break;
        }
    }
    let header = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted)
                .then(|| value.trim().to_owned())
        })
    };
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    let mut body = Vec::new();
    let mut close = header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
    if header("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            connection.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            let at = body.len();
            body.resize(at + size + 2, 0);
            connection.read_exact(&mut body[at..])?;
            body.truncate(at + size);
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = header("content-length") {
        body.resize(length.parse().map_err(io::Error::other)?, 0);
        connection.read_exact(&mut body)?;
    } else if close {
        connection.read_to_end(&mut body)?;
    } else if status != 204 && status != 304 {
        close = true;
    }
    let location = header("location");
    Ok((
        Reply {
            status,
            head,
            location,
            body,
        },
        (!close).then_some(connection),
    ))
}
