//! The local provider: its configuration, its journal, its requests.

use std::{
    cell::RefCell,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::{Arc, LazyLock},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use url::Url;
use valetkey_dev_provider::{
    ClientRegistration, Config, FakeClock, Options, Provider, RawConfig, SigningAlg, StartError,
};

use super::{assert_readable, first_line};

const REDIRECT_URI: &str = "http://localhost:5000/callback";

/// The TOML file of `valetkey provider --config`.
pub fn config(data: &[u8]) {
    let Ok(file) = RawConfig::parse(&String::from_utf8_lossy(data)) else {
        return;
    };
    let options = Options {
        file: Some(file),
        ..Options::on_a_free_port()
    };
    for problem in Config::new(options).err().into_iter().flatten() {
        assert_readable(&problem.message);
        assert_readable(&problem.fix);
    }
}

fn options() -> Options {
    Options {
        clients: Some(vec![
            ClientRegistration::confidential("app", "app-secret", &[REDIRECT_URI]),
            ClientRegistration::public("app-public", &[REDIRECT_URI]),
        ]),
        signing_alg: Some(SigningAlg::EdDSA),
        clock: Arc::new(FakeClock::at(1_800_000_000)),
        ..Options::on_a_free_port()
    }
}

/// The journal of a provider that was killed, or whose file was edited: each
/// line is given the check value that makes it count. After a first line
/// `raw`, the bytes are the file.
pub fn journal(data: &[u8]) {
    let (first, rest) = first_line(data);
    let file = if first == b"raw" {
        rest.to_vec()
    } else {
        let mut file = b"valetkey-provider-journal 1\n".to_vec();
        for line in data.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let json = String::from_utf8_lossy(line);
            for byte in &digest(&SHA256, json.as_bytes()).as_ref()[..8] {
                file.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
            file.extend_from_slice(format!(" {json}\n").as_bytes());
        }
        file
    };
    let folder = folder();
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("journal"), &file).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        for _ in 0..2 {
            let config = Config::new(Options {
                data_dir: Some(folder.clone()),
                ..options()
            })
            .unwrap();
            match Provider::start(config).await {
                Ok(running) => {
                    // Waits for the signing key, which is a file as well.
                    running.rotate_signing_key(false).await.unwrap();
                    running.shutdown().await;
                }
                // What cannot be read is left as it was.
                Err(StartError::Store(why)) => {
                    assert_readable(&why);
                    assert_eq!(fs::read(folder.join("journal")).unwrap(), file);
                    break;
                }
                Err(other) => panic!("{other}"),
            }
        }
    });
    fs::remove_dir_all(&folder).unwrap();
}

fn folder() -> PathBuf {
    let thread = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    std::env::temp_dir().join(format!("valetkey-fuzz-{}-{thread}", std::process::id()))
}

/// A provider that approves at once, on a thread of its own.
static PROVIDER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let config = Config::new(Options {
                approve: Some("alice".into()),
                ..options()
            })
            .unwrap();
            let running = Provider::start(config).await.unwrap();
            sender.send(running.local_addr()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
});

thread_local! {
    static CONNECTION: RefCell<Option<BufReader<TcpStream>>> = const { RefCell::new(None) };
}

/// A request: the first line is method and target, then come headers up to
/// an empty line, then the body. Its framing is always sound; its contents
/// are not.
pub fn request(data: &[u8]) {
    let Some(message) = message(data) else { return };
    CONNECTION.with(|kept| {
        let mut kept = kept.borrow_mut();
        // A connection that was kept may have been closed meanwhile.
        for fresh in [kept.is_none(), true] {
            if fresh {
                let stream = TcpStream::connect(*PROVIDER).unwrap();
                stream
                    .set_read_timeout(Some(Duration::from_secs(10)))
                    .unwrap();
                *kept = Some(BufReader::new(stream));
            }
            let connection = kept.as_mut().unwrap();
            if let Some(keep) = exchange(connection, &message) {
                if !keep {
                    *kept = None;
                }
                return;
            }
            *kept = None;
            assert!(
                !fresh,
                "the provider closed a new connection without an answer"
            );
        }
    });
}

fn message(data: &[u8]) -> Option<Vec<u8>> {
    let (first, mut rest) = first_line(data);
    let first = std::str::from_utf8(first).ok()?;
    let (method, target) = first.split_once(' ')?;
    let graphic = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    let method_ok = matches!(method, "GET" | "POST" | "PUT" | "OPTIONS" | "DELETE");
    if !method_ok || !target.starts_with('/') || !graphic(target) {
        return None;
    }
    let mut message = format!("{first} HTTP/1.1\r\nhost: {}\r\n", *PROVIDER).into_bytes();
    loop {
        let (line, next) = first_line(rest);
        rest = next;
        if line.is_empty() {
            break;
        }
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(": ")?;
        let framing = [
            "content-length",
            "transfer-encoding",
            "connection",
            "expect",
            "upgrade",
        ];
        let token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if name.is_empty() || !token || framing.contains(&&*name.to_ascii_lowercase()) {
            return None;
        }
        if value.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
            return None;
        }
        message.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    message.extend_from_slice(format!("content-length: {}\r\n\r\n", rest.len()).as_bytes());
    message.extend_from_slice(rest);
    Some(message)
}

/// Whether the connection may be kept; `None` if there was no answer.
fn exchange(connection: &mut BufReader<TcpStream>, message: &[u8]) -> Option<bool> {
    connection.get_mut().write_all(message).ok()?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if connection.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let status: u16 = head.split(' ').nth(1)?.parse().unwrap();
    assert!(status < 500, "{head}");
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (n, v) = line.split_once(": ")?;
            n.eq_ignore_ascii_case(name).then_some(v)
        })
    };
    if let Some(location) = header("location") {
        let own = Url::parse(&format!("http://{}/", *PROVIDER)).unwrap();
        let there = own.join(location).unwrap();
        let registered = location
            .strip_prefix(REDIRECT_URI)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('?'));
        assert!(registered || there.origin() == own.origin(), "{location}");
    }
    let length: usize = header("content-length").map_or(0, |v| v.parse().unwrap());
    let head_only = message.starts_with(b"HEAD") || status == 204 || status == 304;
    let mut body = vec![0; if head_only { 0 } else { length }];
    connection.read_exact(&mut body).ok()?;
    let closes = header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
    Some(!closes && header("transfer-encoding").is_none())
}
