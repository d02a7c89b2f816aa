use std::{fs, path::PathBuf, sync::Barrier, thread};

use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use valetkey_proto::error::Explain;

use super::*;

const OLD: &str = "6f1d0c5e7b3a4928d1e0f2c4b6a89735241302f4e6d8c0b1a3958776655443ff";
const NEW: &str = "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f";

fn ring(setting: &str) -> KeyRing {
    KeyRing::parse(setting).unwrap()
}

fn open(ring: &KeyRing, sealed: &[u8]) -> Option<Vec<u8>> {
    ring.open(Purpose::Session, b"aad", sealed)
        .map(|opened| opened.plaintext.to_vec())
}

/// A folder of this test's own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("valetkey-seal-{:016x}", u64::from_ne_bytes(clock::random()));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn opens_what_it_sealed_and_tells_with_which_key() {
    let (old, new) = (ring(OLD), ring(NEW));
    let rotated = ring(&format!(" {NEW}\n\t{OLD} "));
    for plaintext in [&b""[..], b"x", &[7; 5000]] {
        let sealed = old.seal(Purpose::Session, b"aad", plaintext);
        assert_eq!(sealed.len(), plaintext.len() + OVERHEAD);
        assert_eq!(open(&old, &sealed).as_deref(), Some(plaintext));
        let opened = rotated.open(Purpose::Session, b"aad", &sealed).unwrap();
        assert_eq!(*opened.plaintext, plaintext);
        assert!(!opened.with_first_key);
        assert!(open(&new, &sealed).is_none());
        assert!(rotated.knows_key_of(&sealed) && !new.knows_key_of(&sealed));

        let sealed = rotated.seal(Purpose::Session, b"aad", plaintext);
        assert!(
            new.open(Purpose::Session, b"aad", &sealed)
                .unwrap()
                .with_first_key
        );
        assert!(open(&old, &sealed).is_none());
    }
}

#[test]
fn refuses_every_single_flipped_bit_and_every_cut() {
    let ring = ring(OLD);
    let sealed = ring.seal(Purpose::Session, b"aad", b"access token");
    for bit in 0..sealed.len() * 8 {
        let mut altered = sealed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&ring, &altered).is_none(), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(open(&ring, &sealed[..length]).is_none(), "length {length}");
    }
    let longer = [&sealed[..], b"\0"].concat();
    assert!(open(&ring, &longer).is_none());
}

#[test]
fn refuses_another_purpose_and_other_associated_data() {
    let ring = ring(OLD);
    for made_for in Purpose::ALL {
        let sealed = ring.seal(made_for, b"cookie 1", b"x");
        for purpose in Purpose::ALL {
            let opens = ring.open(purpose, b"cookie 1", &sealed).is_some();
            assert_eq!(opens, purpose == made_for, "{made_for:?} as {purpose:?}");
        }
        assert!(ring.open(made_for, b"cookie 2", &sealed).is_none());
        assert!(ring.open(made_for, b"", &sealed).is_none());
    }
}

#[test]
fn seals_the_same_text_differently_each_time() {
    let ring = ring(OLD);
    let seal = || ring.seal(Purpose::Session, b"", b"same");
    let (one, two) = (seal(), seal());
    assert_eq!(one[..HEADER], two[..HEADER]);
    assert_ne!(one[HEADER..HEADER + SALT], two[HEADER..HEADER + SALT]);
    assert_ne!(one[HEADER + SALT..], two[HEADER + SALT..]);
}

#[test]
fn a_state_fits_128_characters_and_is_opened_by_any_key_of_the_ring() {
    let old = ring(OLD);
    let plaintext = [0xa5; 64];
    let state = old.seal_state([3; 16], &plaintext);
    assert_eq!(state.len(), 96);
    assert_eq!(URL_SAFE_NO_PAD.encode(&state).len(), 128);
    assert_eq!(state[..16], [3; 16]);
    let rotated = ring(&format!("{NEW} {OLD}"));
    assert_eq!(rotated.open_state(&state).as_deref(), Some(&plaintext[..]));
    assert_eq!(ring(NEW).open_state(&state), None);
    for bit in 0..state.len() * 8 {
        let mut altered = state.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(rotated.open_state(&altered), None, "bit {bit}");
    }
    for length in 0..state.len() {
        assert_eq!(
            rotated.open_state(&state[..length]),
            None,
            "length {length}"
        );
    }
}

#[test]
fn tags_differ_by_key_purpose_and_data_and_are_no_message_keys() {
    let both = ring(&format!("{NEW} {OLD}"));
    let tag = both.tag(Purpose::Index, b"subject");
    assert_eq!(tag, ring(NEW).tag(Purpose::Index, b"subject"));
    assert_eq!(
        both.tags(Purpose::Index, b"subject"),
        [tag, ring(OLD).tag(Purpose::Index, b"subject")]
    );
    assert_ne!(tag, both.tag(Purpose::Index, b"subjecu"));
    assert_ne!(tag, both.tag(Purpose::Session, b"subject"));
    // A tag that somebody may see must not be the key of a message whose
    // salt somebody may choose.
    let seal_key = hmac::sign(&both.0[0].seal[Purpose::Index.place()], b"subject");
    assert_ne!(tag, seal_key.as_ref());
}

#[test]
fn derives_the_same_keys_in_every_version() {
    // Computed from the description above by another program. Whoever
    // changes these bytes makes every session in every store unreadable.
    let ring = ring(OLD);
    assert_eq!(hex(&ring.0[0].id), "1c03a13b");
    assert_eq!(
        hex(&ring.tag(Purpose::Index, b"subject")),
        "e5df1eb794fd9df2610dfdeb083816e11ea2acb5c2b564c125fa723b14dc40aa"
    );
    assert_eq!(
        hex(&ring.seal_state([9; 16], b"state")),
        "09090909090909090909090909090909e6bb35bf16efb949ae2d3d3efff1f9993ec524e796"
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn reads_every_usual_way_to_write_a_key() {
    let bytes: Vec<u8> = (200..=233).collect();
    let expected = RingKey::derive(&bytes).id;
    let ways = [
        hex(&bytes),
        hex(&bytes).to_uppercase(),
        STANDARD.encode(&bytes),
        STANDARD_NO_PAD.encode(&bytes),
        URL_SAFE.encode(&bytes),
        URL_SAFE_NO_PAD.encode(&bytes),
    ];
    for way in ways {
        assert_eq!(ring(&way).0[0].id, expected, "{way}");
    }
}

#[test]
fn refuses_a_key_that_is_short_or_not_encoded_and_says_which() {
    let good = OLD;
    let wrong = |setting: &str| KeyRing::parse(setting).unwrap_err();
    for setting in ["", " \n"] {
        assert!(matches!(wrong(setting), KeyRingError::Empty));
    }
    for (setting, number, bytes) in [
        (hex(&[1; 31]), 1, 31),
        (format!("{good} {}", hex(&[1; 24])), 2, 24),
        (STANDARD.encode([200; 31]), 1, 31),
    ] {
        let error = wrong(&setting);
        assert!(
            matches!(error, KeyRingError::TooShort { number: n, bytes: b } if (n, b) == (number, bytes)),
            "{error:?}"
        );
    }
    for word in ["correct-horse!battery", &good[1..], "ключ"] {
        let error = wrong(&format!("{good} {good} {word}"));
        assert!(
            matches!(error, KeyRingError::NotEncoded { number: 3 }),
            "{word}: {error:?}"
        );
        assert_eq!(error.code(), "config.invalid");
        let text = format!("{error} {error:?} {} {}", error.cause(), error.fix());
        assert!(
            !text.contains(word) && !text.contains(&good[2..20]),
            "{text}"
        );
    }
}

#[test]
fn debug_shows_no_key_and_no_plaintext() {
    let ring = ring(OLD);
    let sealed = ring.seal(Purpose::Session, b"", b"canary-1f");
    let opened = ring.open(Purpose::Session, b"", &sealed);
    let text = format!("{ring:?} {opened:?}");
    assert!(
        !text.contains("canary") && !text.contains("6f1d") && !text.contains("111"),
        "{text}"
    );
    assert!(text.contains("KeyRing(1)"), "{text}");
}

#[test]
fn processes_that_race_for_the_first_key_end_with_the_same() {
    let folder = Folder::new();
    let path = folder.0.join("app").join("key");
    let start = Barrier::new(16);
    let tags: Vec<_> = thread::scope(|scope| {
        let runs: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    KeyRing::load_or_create(&path)
                        .unwrap()
                        .tag(Purpose::Index, b"")
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(tags.iter().all(|tag| *tag == tags[0]));
    assert_eq!(
        KeyRing::load_or_create(&path)
            .unwrap()
            .tag(Purpose::Index, b""),
        tags[0]
    );
    let names: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["key"], "drafts are removed");
}

#[cfg(unix)]
#[test]
fn the_key_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = Folder::new();
    let path = folder.0.join("a").join("key");
    let first = KeyRing::load_or_create(&path).unwrap();
    assert_eq!(
        (mode(&folder.0), mode(path.parent().unwrap()), mode(&path)),
        (0o700, 0o700, 0o600)
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let again = KeyRing::load_or_create(&path).unwrap();
    assert_eq!(mode(&path), 0o600, "tightened");
    assert_eq!(
        first.tag(Purpose::Index, b""),
        again.tag(Purpose::Index, b"")
    );
}

#[test]
fn a_key_file_that_is_cut_is_damage_and_is_not_replaced() {
    let folder = Folder::new();
    fs::create_dir(&folder.0).unwrap();
    let path = folder.0.join("key");
    for content in ["", "00ff", "no key"] {
        fs::write(&path, content).unwrap();
        let error = KeyRing::load_or_create(&path).unwrap_err();
        assert_eq!(error.code(), "store.damaged", "{content}");
        assert!(error.message().contains("key"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    let error = KeyRing::load_or_create(path.join("below-a-file")).unwrap_err();
    assert_eq!(error.code(), "store.unavailable", "{error}");
}
