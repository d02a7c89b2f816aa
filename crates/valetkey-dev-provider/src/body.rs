//! Bodies: whole ones, and those that faults make.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Body {
    /// Sent at once.
    Whole(Option<Bytes>),
    /// The beginning only; then the connection ends.
    Truncated(Option<Bytes>, usize),
    /// One byte at a time.
    Drip {
        rest: Bytes,
        every: Duration,
        sleep: Pin<Box<Sleep>>,
    },
    /// Never ends.
    Endless,
}

impl Body {
    pub(crate) fn drip(rest: Bytes, every: Duration) -> Self {
        Self::Drip {
            rest,
            every,
            sleep: Box::pin(tokio::time::sleep(every)),
        }
    }
}

/// The connection is to end here.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut on purpose")]
pub(crate) struct Cut;

impl From<Infallible> for Cut {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(
                bytes
                    .take()
                    .filter(|bytes| !bytes.is_empty())
                    .map(|bytes| Ok(Frame::data(bytes))),
            ),
            Self::Truncated(bytes, keep) => match bytes.take() {
                Some(bytes) if *keep > 0 => Poll::Ready(Some(Ok(Frame::data(
                    bytes.slice(..(*keep).min(bytes.len())),
                )))),
                _ => Poll::Ready(Some(Err(Cut))),
            },
            Self::Drip { rest, every, sleep } => {
                if rest.is_empty() {
                    return Poll::Ready(None);
                }
                std::task::ready!(sleep.as_mut().poll(cx));
                sleep.as_mut().reset(Instant::now() + *every);
                Poll::Ready(Some(Ok(Frame::data(rest.split_to(1)))))
            }
            Self::Endless => {
                const BLOCK: &[u8] = &[b' '; 4096];
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(BLOCK)))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Truncated(Some(bytes), _) => SizeHint::with_exact(bytes.len() as u64),
            Self::Drip { rest, .. } => SizeHint::with_exact(rest.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
