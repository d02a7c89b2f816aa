//! Scopes in plain words.

/// What a scope means to the person who is asked for it, to be read after
/// "This app may …". Unknown scopes keep their name; escape the result.
///
/// ```
/// assert_eq!(valetkey_pages::scope_words("read:photos"), "see your photos");
/// ```
#[must_use]
pub fn scope_words(scope: &str) -> String {
    match scope {
        "openid" => "recognise you when you sign in",
        "profile" | "public_profile" => "see your name and public profile",
        "email" => "see your e-mail address",
        "address" => "see your postal address",
        "phone" => "see your phone number",
        "offline_access" => "keep this access while you are away, until you revoke it",
        "read:photos" => "see your photos",
        "read:mail" => "read your mail",
        "read:user" => "see all of your profile",
        "user:email" => "see your e-mail addresses",
        other => return format!("use what the provider calls “{other}”"),
    }
    .into()
}
