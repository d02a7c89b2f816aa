//! The three routes on plain hyper.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use valetkey::{
    ApiRequest, Client, Error, Explain, clock,
    cookie::{Cookies, SetCookie},
    flow::callback::Callback,
};

use crate::kept::Kept;

pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) kept: Kept,
}

type Answer = Response<Full<Bytes>>;

/// The cookie that tells one visitor from another: a random name, which says
/// nothing and opens nothing but this program's own file.
const VISITOR: &str = "visitor";

pub(crate) async fn serve(app: Arc<App>, address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    eprintln!(
        "listening on {}",
        app.client.base_url().origin().ascii_serialization()
    );
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = stopped() => return Ok(()),
        };
        let app = app.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let app = app.clone();
                async move { Ok::<_, Infallible>(app.answer(&request).await) }
            });
            // An error here is a browser that went away.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        Err(_) => std::future::pending().await,
    }
}

impl App {
    async fn answer(&self, request: &Request<Incoming>) -> Answer {
        // A HEAD of a link preview must not use up a code.
        if request.method() != Method::GET {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".into());
        }
        let mut cookies = Cookies::default();
        for value in request.headers().get_all(header::COOKIE) {
            cookies.add(value);
        }
        let query = request.uri().query().unwrap_or_default();
        let result = match request.uri().path() {
            "/" => self.start(&cookies).await,
            "/profile" => self.profile(&cookies).await,
            path if Some(path) == self.callback_path() => self.callback(query, &cookies).await,
            _ => Ok(text(StatusCode::NOT_FOUND, "nothing is here\n".into())),
        };
        result.unwrap_or_else(|error| refused(&error))
    }

    fn provider(&self) -> &str {
        self.client.only_provider().map_or("", |p| p.name())
    }

    fn callback_path(&self) -> Option<&str> {
        let origin = self.client.base_url().as_str().trim_end_matches('/');
        let uri = self.client.redirect_uri(self.provider())?;
        uri.strip_prefix(origin)
    }

    /// Builds the authorization URL, and sends the browser there.
    async fn start(&self, cookies: &Cookies) -> Result<Answer, Error> {
        let to = self
            .client
            .login(self.provider(), "/profile", cookies)
            .await?;
        Ok(redirect(&to.location, &to.set_cookies))
    }

    /// Fetches the token from the whole callback URL, and keeps it.
    async fn callback(&self, query: &str, cookies: &Cookies) -> Result<Answer, Error> {
        let outcome = self.client.callback(self.provider(), query, cookies).await;
        match outcome {
            Ok(Callback::Verified(sign_in)) => {
                let visitor = new_visitor();
                self.kept
                    .save(&visitor, &sign_in.grant(self.client.now()))?;
                let mut answer = redirect(
                    sign_in.return_to().as_str(),
                    std::slice::from_ref(sign_in.remove_cookie()),
                );
                let secure = match self.client.base_url().scheme() {
                    "https" => "; Secure",
                    _ => "",
                };
                let cookie = format!("{VISITOR}={visitor}; Path=/; HttpOnly; SameSite=Lax{secure}");
                add_header(&mut answer, header::SET_COOKIE, &cookie);
                Ok(answer)
            }
            Ok(Callback::AlreadySignedIn(to)) => Ok(redirect(to.as_str(), &[])),
            Err(failure) => {
                let mut answer = refused(&failure.error);
                for cookie in &failure.set_cookies {
                    add_header(&mut answer, header::SET_COOKIE, &cookie.header());
                }
                Ok(answer)
            }
        }
    }

    /// Rebuilds the client session from the file, and calls the API.
    async fn profile(&self, cookies: &Cookies) -> Result<Answer, Error> {
        let Some((visitor, mut grant)) = self.kept.load()? else {
            return Ok(redirect("/", &[]));
        };
        // Names are random and long, so comparing them tells nothing.
        if cookies.value(VISITOR) != Some(&visitor) {
            return Ok(redirect("/", &[]));
        }
        let url = self.client.user_data_endpoint(grant.provider()).await?;
        let request = ApiRequest::get(&url.unwrap_or_default());
        let answer = self.client.api_with_grant(&mut grant, request).await?;
        if answer.refreshed {
            self.kept.save(&visitor, &grant)?;
        }
        let claims = grant.claims();
        let profile = json!({
            "version": 1,
            "hello": format!("Hello {}", grant.name()),
            "provider": grant.provider(),
            "issuer": grant.issuer(),
            "subject": grant.subject(),
            "name": claims.get("name"),
            "email": claims.get("email"),
            "email_verified": claims.get("email_verified"),
            "scopes": grant.scopes(),
            "the_api_says": answer.json::<Value>().ok(),
        });
        let mut page = text(StatusCode::OK, profile.to_string());
        let json = HeaderValue::from_static("application/json");
        page.headers_mut().insert(header::CONTENT_TYPE, json);
        Ok(page)
    }
}

fn new_visitor() -> String {
    let bytes = clock::random::<32>();
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn text(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    add_header(
        &mut answer,
        header::CONTENT_TYPE,
        "text/plain; charset=utf-8",
    );
    add_header(&mut answer, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add_header(&mut answer, header::CACHE_CONTROL, "no-store");
    answer
}

fn redirect(to: &str, cookies: &[SetCookie]) -> Answer {
    let mut answer = text(StatusCode::SEE_OTHER, String::new());
    add_header(&mut answer, header::LOCATION, to);
    add_header(&mut answer, header::REFERRER_POLICY, "no-referrer");
    for cookie in cookies {
        add_header(&mut answer, header::SET_COOKIE, &cookie.header());
    }
    answer
}

/// Says what happened, why, and what to do.
fn refused(error: &Error) -> Answer {
    let status = match error.code().split('.').next() {
        Some("callback") => StatusCode::BAD_REQUEST,
        Some("session" | "refresh") => StatusCode::UNAUTHORIZED,
        Some("store") => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    };
    let mut answer = text(
        status,
        format!(
            "error[{}]: {}\ncause: {}\nfix: {}\n",
            error.code(),
            error.message(),
            error.cause(),
            error.fix()
        ),
    );
    let name = http::HeaderName::from_static("valetkey-error");
    add_header(&mut answer, name, error.code());
    answer
}

fn add_header(answer: &mut Answer, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().append(name, value);
    }
}
