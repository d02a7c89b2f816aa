//! The exercises: one file each.

use crate::{
    lab::{Lab, Variant},
    small_client::{self, Endpoints, Flaw, Setup},
    sound,
    stage::{CLIENT, SECRET, Server, Stage, local_provider, reserve},
};

mod code_injection;
mod leaked_secret;
mod login_csrf;
mod mix_up;
mod open_redirect;
mod redirect_uri;
mod refresh_replay;
mod session_fixation;
mod stolen_code;
mod token_as_identity;

pub(crate) const ALL: &[Lab] = &[
    login_csrf::UNCHECKED,
    login_csrf::NONE_EQUALS_NONE,
    login_csrf::PROCESS_WIDE,
    redirect_uri::LAB,
    stolen_code::PUBLIC_CLIENT,
    stolen_code::CONFIDENTIAL,
    code_injection::LAB,
    mix_up::LAB,
    token_as_identity::LAB,
    open_redirect::LAB,
    leaked_secret::LAB,
    session_fixation::LAB,
    refresh_replay::LAB,
];

/// The small app with a flaw on one side, the library on the other, both at
/// the unchanged local provider.
async fn small_or_sound(variant: Variant, flaw: Flaw) -> Stage {
    match variant {
        Variant::With => sound::app(false).await,
        Variant::Without => {
            let (listener, origin) = reserve("localhost").await.unwrap_or_else(|e| panic!("{e}"));
            let provider = local_provider(&[&format!("{origin}/callback")]).await;
            let ready = provider.ready();
            let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
            let endpoints = Endpoints {
                issuer: provider.issuer().to_owned(),
                authorization: text("authorization"),
                token: text("token"),
                userinfo: text("userinfo"),
                client_id: CLIENT.into(),
                client_secret: Some(SECRET.into()),
            };
            let server = Server::on(listener, &origin, |origin| {
                small_client::router(Setup {
                    flaw,
                    origin: origin.to_owned(),
                    providers: vec![("local".into(), endpoints)],
                })
            });
            Stage::with_local_provider(provider, server, CLIENT, small_client::COOKIE.into())
        }
    }
}
