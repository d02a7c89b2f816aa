//! Connections that are kept for the next request, and one exchange on one.
//!
//! Whoever sends a request drives its connection too, in the same task:
//! nothing else reads from it meanwhile, so that no other task has to be woken
//! for the request, and none wakes this one for the answer. Between requests
//! nobody drives it. That the server has closed it is noticed when it is
//! taken out again.

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper::{
    body::{Body, Incoming},
    client::conn::{TrySendError, http1},
};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::Instant};
use tower_service::Service;

use super::connect::{BoxError, Connector};

pub(super) type Request = hyper::Request<Full<Bytes>>;

/// The longest response header that is read, in bytes.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// How long an idle connection is kept: shorter than common servers do, so
/// that it is hardly ever the server that closes it.
const IDLE: Duration = Duration::from_secs(4);

/// How many idle connections are kept for each origin.
const MAX_IDLE: usize = 8;

/// The idle connections, by origin.
#[derive(Default)]
pub(super) struct Pool(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    idle: HashMap<Box<str>, Vec<Idle>>,
    /// A task is there that will drop what nobody takes out.
    swept: bool,
}

struct Idle {
    connection: Box<Connection>,
    since: Instant,
}

/// A connection, with both of its ends: too large to be moved about.
pub(super) struct Connection {
    requests: http1::SendRequest<Full<Bytes>>,
    /// Until it has ended: with it goes what it had not begun.
    driver: Option<http1::Connection<MaybeHttpsStream<TokioIo<TcpStream>>, Full<Bytes>>>,
    reused: bool,
}

/// Why a request was not answered.
pub(super) enum Unanswered {
    /// There is no connection.
    Connect(BoxError),
    /// The connection failed.
    Broken(hyper::Error),
}

impl Pool {
    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The youngest connection to `origin` that still serves.
    fn take(&self, origin: &str) -> Option<Box<Connection>> {
        loop {
            let idle = self.lock().idle.get_mut(origin)?.pop()?;
            if idle.since.elapsed() >= IDLE {
                continue;
            }
            let mut connection = idle.connection;
            if connection.is_ready() {
                connection.reused = true;
                return Some(connection);
            }
        }
    }

    /// Keeps a connection whose answer has been read to its end.
    pub(super) fn keep(self: &Arc<Self>, origin: &str, mut connection: Box<Connection>) {
        if !connection.is_ready() {
            return;
        }
        let idle = Idle {
            connection,
            since: Instant::now(),
        };
        let mut kept = self.lock();
        let sweep = !std::mem::replace(&mut kept.swept, true);
        match kept.idle.get_mut(origin) {
            Some(list) if list.len() < MAX_IDLE => list.push(idle),
            Some(_) => {}
            None => drop(kept.idle.insert(origin.into(), vec![idle])),
        }
        drop(kept);
        if sweep {
            tokio::spawn(sweep_until_empty(Sweeping(Arc::downgrade(self))));
        }
    }

    /// Drops what has been idle for too long. Whether something is left.
    fn sweep(&self) -> bool {
        let mut old = Vec::new();
        let mut kept = self.lock();
        kept.idle.retain(|_, list| {
            old.extend(list.extract_if(.., |idle| idle.since.elapsed() >= IDLE));
            !list.is_empty()
        });
        let left = !kept.idle.is_empty();
        kept.swept = left;
        drop(kept);
        left
    }
}

/// The task ends with its runtime, too: another begins where the next
/// connection is kept.
struct Sweeping(Weak<Pool>);

impl Drop for Sweeping {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.lock().swept = false;
        }
    }
}

async fn sweep_until_empty(sweeping: Sweeping) {
    loop {
        tokio::time::sleep(IDLE).await;
        match sweeping.0.upgrade() {
            Some(pool) if pool.sweep() => {}
            _ => return,
        }
    }
}

impl Connection {
    async fn open(connector: &Connector, to: Uri) -> Result<Box<Self>, Unanswered> {
        // A connector is always ready: it has no limit.
        let stream = connector
            .clone()
            .call(to)
            .await
            .map_err(Unanswered::Connect)?;
        let (requests, driver) = http1::Builder::new()
            .max_buf_size(MAX_HEADER_BYTES)
            .handshake(stream)
            .await
            .map_err(Unanswered::Broken)?;
        Ok(Box::new(Self {
            requests,
            driver: Some(driver),
            reused: false,
        }))
    }

    /// Moves bytes, as far as that is possible now. `cx` is woken when it is
    /// worth trying again.
    fn drive(&mut self, cx: &mut Context<'_>) {
        // An error of the connection is told where its answer is waited for.
        self.driver
            .take_if(|driver| Pin::new(driver).poll(cx).is_ready());
    }

    /// The same without waking anybody. A task that holds both ends wakes
    /// itself whenever one end gives the other something to do: then it is run
    /// once more for nothing, and tokio wakes another thread for it.
    fn drive_quietly(&mut self) {
        self.drive(&mut Context::from_waker(Waker::noop()));
    }

    /// Whether a request can be sent now.
    fn is_ready(&mut self) -> bool {
        self.drive_quietly();
        self.driver.is_some() && self.requests.is_ready()
    }

    /// Waits for `wanted`, the other end of this connection.
    async fn driven<T>(&mut self, wanted: impl Future<Output = T>) -> T {
        let mut wanted = pin!(wanted);
        let mut look = |cx: &mut Context<'_>| wanted.as_mut().poll(cx);
        poll_fn(|cx| {
            let mut quiet = Context::from_waker(Waker::noop());
            // It may be there already; and if not, it says what it wants.
            if let ready @ Poll::Ready(_) = look(&mut quiet) {
                return ready;
            }
            self.drive_quietly();
            if let ready @ Poll::Ready(_) = look(&mut quiet) {
                return ready;
            }
            // Now there is something to be woken for.
            self.drive(cx);
            look(cx)
        })
        .await
    }

    /// Sends a request. Its head at least has been read then.
    async fn send(
        &mut self,
        request: Request,
    ) -> Result<hyper::Response<Incoming>, TrySendError<Request>> {
        let answer = self.requests.try_send_request(request);
        self.driven(answer).await
    }

    /// The next piece of a body.
    pub(super) async fn frame(
        &mut self,
        body: &mut Incoming,
    ) -> Option<Result<hyper::body::Frame<Bytes>, hyper::Error>> {
        self.driven(poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)))
            .await
    }
}

/// Sends a request on a connection that was kept, or on a new one. It is sent
/// again only if nothing of it was written, because the connection that was
/// kept turned out to be closed.
pub(super) async fn send(
    pool: &Pool,
    connector: &Connector,
    origin: &str,
    to: impl Fn() -> Uri,
    mut request: Request,
) -> Result<(hyper::Response<Incoming>, Box<Connection>), Unanswered> {
    loop {
        let mut connection = match pool.take(origin) {
            Some(connection) => connection,
            None => Box::pin(Connection::open(connector, to())).await?,
        };
        let mut error = match connection.send(request).await {
            Ok(answer) => return Ok((answer, connection)),
            Err(error) => error,
        };
        match error.take_message() {
            Some(unsent) if connection.reused => request = unsent,
            _ => return Err(Unanswered::Broken(error.into_error())),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_nobody_takes_out_is_closed_after_a_while() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let connector = Connector::new(&[], Arc::default(), Duration::from_secs(5)).unwrap();
        let open = Connection::open(&connector, origin.parse().unwrap()).await;
        let pool = Arc::new(Pool::default());
        pool.keep(&origin, open.ok().unwrap());
        assert!(pool.sweep(), "it is not old yet");
        pool.lock().idle.get_mut(&*origin).unwrap()[0].since -= IDLE;
        assert!(!pool.sweep());
        assert!(pool.take(&origin).is_none());
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_is_too_old_is_not_taken_out() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let connector = Connector::new(&[], Arc::default(), Duration::from_secs(5)).unwrap();
        let pool = Arc::new(Pool::default());
        for age in [IDLE, Duration::ZERO] {
            let open = Connection::open(&connector, origin.parse().unwrap()).await;
            pool.keep(&origin, open.ok().unwrap());
            pool.lock().idle.get_mut(&*origin).unwrap()[0].since -= age;
            assert_eq!(pool.take(&origin).is_some(), age.is_zero());
        }
    }

    async fn connected() -> (Box<Connection>, tokio::net::TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let connector = Connector::new(&[], Arc::default(), Duration::from_secs(5)).unwrap();
        let open = Connection::open(&connector, origin.parse().unwrap()).await;
        (open.ok().unwrap(), listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn a_request_comes_back_from_a_connection_that_was_closed_just_now() {
        let (mut connection, mut server) = connected().await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let (first, _) = tokio::join!(connection.send(Request::default()), async {
            assert!(server.read(&mut [0; 99]).await.unwrap() > 0);
            server.write_all(answer).await.unwrap();
        });
        assert!(first.is_ok());
        assert!(connection.is_ready());
        drop(server);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let sent = connection.send(Request::default());
        let sent = tokio::time::timeout(Duration::from_secs(5), sent).await;
        assert!(sent.unwrap().unwrap_err().take_message().is_some());
    }

    #[tokio::test]
    async fn what_is_waited_for_may_wake_as_well() {
        let (mut connection, _server) = connected().await;
        let mut polls = 0;
        // Says every time that it is worth trying again, as tokio's channels
        // do to a task that has done much already.
        let shy = poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            if polls > 5 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        let driven = connection.driven(shy);
        let begun = Instant::now();
        // It looks once more when the time is over.
        tokio::time::timeout(Duration::from_secs(2), driven)
            .await
            .ok();
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}
