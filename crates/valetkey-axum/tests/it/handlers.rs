//! `signed_in_as`: an application's handlers tested without a provider.

use axum::{Router, body::Body, response::Response, routing::get};
use tower::ServiceExt;
use valetkey_axum::{Claims, Failed, User, test::signed_in_as};

async fn home(user: User) -> String {
    format!("Hello {} <{}>", user.name(), user.email().unwrap_or("?"))
}

async fn optional(user: Option<User>) -> String {
    user.map_or("nobody".into(), |u| {
        format!("{} {} {}", u.provider(), u.issuer(), u.subject())
    })
}

#[derive(serde::Deserialize)]
struct Groups {
    groups: Vec<String>,
}

async fn groups(Claims(claims): Claims<Groups>) -> String {
    claims.groups.join(" ")
}

async fn photos(user: User) -> Result<String, Failed> {
    Ok(user
        .get("https://issuer.test/photos")
        .await?
        .text()
        .into_owned())
}

fn app() -> Router {
    Router::new()
        .route("/", get(home))
        .route("/optional", get(optional))
        .route("/groups", get(groups))
        .route("/photos", get(photos))
        .route("/page", get(async |u: User| u.page("Mine")))
}

async fn ask(app: Router, path: &str) -> (u16, String) {
    let request = http::Request::builder().uri(path);
    let response: Response = app
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_handler_sees_the_user_that_the_test_made() {
    let alice = signed_in_as("alice")
        .claim("name", "Alice Example")
        .claim("email", "a@example.test")
        .claim("groups", serde_json::json!(["admins", "staff"]));
    let app = app().layer(alice);
    let (status, body) = ask(app.clone(), "/").await;
    assert_eq!(
        (status, &*body),
        (200, "Hello Alice Example <a@example.test>")
    );
    let (_, body) = ask(app.clone(), "/optional").await;
    assert_eq!(body, "test https://issuer.test alice");
    let (_, body) = ask(app.clone(), "/groups").await;
    assert_eq!(body, "admins staff");
    let (status, body) = ask(app, "/page").await;
    assert_eq!(status, 200);
    assert!(body.contains("Mine"));
}

#[tokio::test]
async fn without_claims_the_user_is_the_subject() {
    let (_, body) = ask(app().layer(signed_in_as("bob")), "/").await;
    assert_eq!(body, "Hello bob <?>");
}

#[tokio::test]
async fn errors_are_those_of_a_real_user() {
    let (status, body) = ask(app().layer(signed_in_as("bob")), "/groups").await;
    assert_eq!(status, 502);
    assert!(body.contains("claims.mismatch"), "{body}");
}
