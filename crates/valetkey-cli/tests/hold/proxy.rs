//! What lies between the app and its provider: a wire that can be cut, held
//! and slowed down.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::machine::PATIENCE;

/// What is done with a request for a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Pass,
    /// The request arrives and is not passed on until released.
    HoldRequest,
    /// The provider answers; of its answer this much is passed on, the rest
    /// when released.
    HoldReply(Part),
    /// Answered in the provider's place.
    Answer(u16),
    /// The connection is closed without an answer.
    Close,
}

/// How much of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Nothing,
    OneByte,
    HalfTheHead,
    Head,
    HalfTheBody,
    AllButOneByte,
}

struct Rules {
    /// By beginning of the path; the first that fits counts.
    acts: Mutex<Vec<(String, Act)>>,
    provider: SocketAddr,
    /// Changes with each release: whether what was held goes on, or is lost.
    released: watch::Sender<(u64, bool)>,
    held: mpsc::UnboundedSender<()>,
}

/// A proxy on a port of its own, which is the issuer's.
pub(crate) struct Proxy {
    port: u16,
    rules: Arc<Rules>,
    held: tokio::sync::Mutex<mpsc::UnboundedReceiver<()>>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Proxy {
    pub(crate) async fn start(port: u16, provider_port: u16) -> Self {
        let (sender, held) = mpsc::unbounded_channel();
        let proxy = Self {
            port,
            rules: Arc::new(Rules {
                acts: Mutex::default(),
                provider: (Ipv4Addr::LOCALHOST, provider_port).into(),
                released: watch::channel((0, true)).0,
                held: sender,
            }),
            held: tokio::sync::Mutex::new(held),
            accepting: Mutex::default(),
        };
        proxy.accept().await;
        proxy
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Takes connections.
    pub(crate) async fn accept(&self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port));
        let listener = listener.await.unwrap();
        let rules = self.rules.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(rules.clone(), stream));
            }
        });
        *self.accepting.lock().unwrap() = Some(task);
    }

    /// Takes no connections any more: they are refused.
    pub(crate) async fn refuse(&self) {
        let task = self.accepting.lock().unwrap().take().unwrap();
        task.abort();
        let _ = task.await;
    }

    /// From now on, does this with requests whose path begins so.
    pub(crate) fn on(&self, path: &str, act: Act) {
        let mut acts = self.rules.acts.lock().unwrap();
        acts.retain(|(p, _)| p != path);
        acts.push((path.to_owned(), act));
    }

    /// Passes everything on again.
    pub(crate) fn pass(&self) {
        self.rules.acts.lock().unwrap().clear();
    }

    /// Waits until something is held.
    pub(crate) async fn holds(&self) {
        let mut held = self.held.lock().await;
        let waiting = tokio::time::timeout(PATIENCE, held.recv());
        waiting.await.expect("nothing came to be held").unwrap();
    }

    /// Lets go what is held.
    pub(crate) fn release(&self) {
        self.rules.released.send_modify(|r| *r = (r.0 + 1, true));
    }

    /// What is held is lost.
    pub(crate) fn lose(&self) {
        self.rules.released.send_modify(|r| *r = (r.0 + 1, false));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(task) = self.accepting.lock().unwrap().take() {
            task.abort();
        }
    }
}

/// One connection, one request.
async fn carry(rules: Arc<Rules>, mut client: TcpStream) -> std::io::Result<()> {
    let mut released = rules.released.subscribe();
    let Some(request) = read_request(&mut client).await? else {
        return Ok(());
    };
    let path = path(&request);
    let act = {
        let acts = rules.acts.lock().unwrap();
        let found = acts.iter().find(|(p, _)| path.starts_with(p.as_str()));
        found.map_or(Act::Pass, |(_, act)| *act)
    };
    let mut hold = async || {
        let _ = rules.held.send(());
        let _ = released.changed().await;
        released.borrow().1
    };
    match act {
        Act::Close => return Ok(()),
        Act::Answer(status) => {
            let answer = format!(
                "HTTP/1.1 {status} Trouble\r\ncontent-type: text/html\r\ncontent-length: 7\r\nconnection: close\r\n\r\ntrouble"
            );
            client.write_all(answer.as_bytes()).await?;
            return client.shutdown().await;
        }
        Act::HoldRequest if !hold().await => return Ok(()),
        Act::HoldRequest => {}
        Act::Pass | Act::HoldReply(_) => {}
    }
    let mut provider = TcpStream::connect(rules.provider).await?;
    provider.write_all(&request).await?;
    let mut answer = Vec::new();
    provider.read_to_end(&mut answer).await?;
    if let Act::HoldReply(part) = act {
        let now = part.of(&answer);
        client.write_all(&answer[..now]).await?;
        client.flush().await?;
        answer.drain(..now);
        if !hold().await {
            return Ok(());
        }
    }
    client.write_all(&answer).await?;
    client.shutdown().await
}

impl Part {
    fn of(self, answer: &[u8]) -> usize {
        let head = head_end(answer).unwrap_or(answer.len());
        match self {
            Self::Nothing => 0,
            Self::OneByte => 1,
            Self::HalfTheHead => head / 2,
            Self::Head => head,
            Self::HalfTheBody => usize::midpoint(head, answer.len()),
            Self::AllButOneByte => answer.len() - 1,
        }
    }
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    Some(bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4)
}

fn path(request: &[u8]) -> String {
    let line = request.split(|&b| b == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// A whole request, whose connection ends with its answer.
async fn read_request(client: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = head_end(&bytes) {
            break end;
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let header = |line: &str, name: &str| {
        let (n, value) = line.split_once(':')?;
        n.eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    };
    let length = text.lines().find_map(|l| header(l, "content-length"));
    let length: usize = length.map_or(0, |l| l.parse().unwrap());
    while bytes.len() < head + length {
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    let lines = text.lines().filter(|l| !l.is_empty());
    let mut request = String::new();
    for line in lines.filter(|l| header(l, "connection").is_none()) {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str("connection: close\r\n\r\n");
    let mut request = request.into_bytes();
    request.extend_from_slice(&bytes[head..]);
    Ok(Some(request))
}
