//! The `state` parameter: minted here, recognized here.
//!
//! A state is sealed under the application's key (AEAD, so it carries its
//! MAC). It holds its issue time, whether it belongs to a login that was
//! restarted, and the return target if that is short, so that a login whose
//! cookie was lost can start over to the same place. At most 128 characters.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use valetkey_proto::{
    return_to::{ReturnTo, verify_return_to},
    secret::State,
};

use crate::{
    clock::Seconds,
    seal::{KeyRing, STATE_SALT},
    session::hash,
    store::RecordKey,
};

const RESTARTED: u8 = 1;
const HEAD: usize = 6;
/// 128 characters are 96 bytes, 32 of which are the seal.
const MAX_RETURN_TO: usize = 96 - 32 - HEAD;

/// A state that was minted by this application.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) issued_at: Seconds,
    pub(crate) restarted: bool,
    pub(crate) return_to: ReturnTo,
    /// By which the store remembers that it was spent.
    pub(crate) hash: RecordKey,
}

/// Makes a state, and the hash by which it will be known. `random` must be
/// fresh.
pub(crate) fn mint(
    keys: &KeyRing,
    random: [u8; STATE_SALT],
    now: Seconds,
    restarted: bool,
    return_to: &ReturnTo,
) -> (State, RecordKey) {
    let mut plain = Vec::with_capacity(64);
    plain.push(if restarted { RESTARTED } else { 0 });
    plain.extend_from_slice(&now.to_be_bytes()[3..]);
    if return_to.as_str() != "/" && return_to.as_str().len() <= MAX_RETURN_TO {
        plain.extend_from_slice(return_to.as_str().as_bytes());
    }
    let sealed = keys.seal_state(random, &plain);
    (State::new(URL_SAFE_NO_PAD.encode(&sealed)), hash(&sealed))
}

/// Opens a state. `None` if this application did not mint it.
pub(crate) fn open(keys: &KeyRing, state: &str) -> Option<Minted> {
    if state.len() > 128 {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(state).ok()?;
    let plain = keys.open_state(&sealed)?;
    let (head, return_to) = plain.split_at_checked(HEAD)?;
    let mut time = [0u8; 8];
    time[3..].copy_from_slice(&head[1..]);
    Some(Minted {
        issued_at: Seconds::from_be_bytes(time),
        restarted: head[0] & RESTARTED != 0,
        return_to: verify_return_to(std::str::from_utf8(return_to).ok()?),
        hash: hash(&sealed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn mint(keys: &KeyRing, now: Seconds, restarted: bool, return_to: &ReturnTo) -> State {
        let (state, hash) = super::mint(keys, clock::random(), now, restarted, return_to);
        assert_eq!(open(keys, state.expose()).unwrap().hash, hash);
        state
    }

    #[test]
    fn ar_09_ar_12_a_state_is_short_fresh_and_ours() {
        let keys = KeyRing::generate();
        let to = verify_return_to(&format!("/{}", "x".repeat(MAX_RETURN_TO - 1)));
        let a = mint(&keys, 1000, true, &to);
        let b = mint(&keys, 1000, true, &to);
        assert!(a.expose().len() <= 128, "{}", a.expose().len());
        assert!(!a.matches(b.expose()));
        let opened = open(&keys, a.expose()).unwrap();
        assert_eq!(
            (opened.issued_at, opened.restarted, opened.return_to),
            (1000, true, to)
        );
    }

    #[test]
    fn a_long_return_target_stays_in_the_cookie_only() {
        let keys = KeyRing::generate();
        let to = verify_return_to(&format!("/{}", "x".repeat(MAX_RETURN_TO)));
        let state = mint(&keys, 1000, false, &to);
        assert_eq!(open(&keys, state.expose()).unwrap().return_to.as_str(), "/");
    }

    #[test]
    fn ar_10_a_changed_or_foreign_state_is_not_ours() {
        let keys = KeyRing::generate();
        let state = mint(&keys, 1000, false, &verify_return_to("/a"));
        let text = state.expose();
        assert!(!text.contains("/a"), "nothing is in clear");
        for i in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
            if bytes != text.as_bytes() {
                assert!(
                    open(&keys, std::str::from_utf8(&bytes).unwrap()).is_none(),
                    "{i}"
                );
            }
        }
        assert!(open(&KeyRing::generate(), text).is_none());
        for bad in ["", "x", "the-state", &format!("{text}A"), &"A".repeat(128)] {
            assert!(open(&keys, bad).is_none(), "{bad}");
        }
    }
}
