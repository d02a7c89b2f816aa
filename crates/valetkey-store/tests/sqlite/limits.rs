//! No space, no rights.

use std::{fs, path::Path, process::Command};

use valetkey::store::{Store, StoreError};
use valetkey_proto::error::Explain;
use valetkey_store::{Options, SqliteStore};

use crate::folder::*;

/// Inserts until there is no space left; the number of the one that failed.
async fn fill(store: &SqliteStore) -> u64 {
    for n in 0..100_000 {
        match insert(store, n).await {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error.code(), "store.full", "{error}");
                return n;
            }
        }
    }
    panic!("it never got full");
}

async fn is_whole_and_works_again(store: &SqliteStore, failed: u64) {
    for n in 0..failed {
        assert!(holds(store, n).await.unwrap(), "record {n} of {failed}");
    }
    assert!(!holds(store, failed).await.unwrap(), "nothing half-stored");
    assert!(insert(store, failed).await.is_err(), "still full");
    for n in 0..failed / 2 {
        // A sign-out must not need space that is not there.
        assert!(store.delete(key(n)).await.unwrap());
    }
    insert(store, failed).await.unwrap();
    assert!(holds(store, failed).await.unwrap());
    assert!(holds(store, failed - 1).await.unwrap());
}

#[tokio::test]
async fn a_full_store_keeps_what_it_has_and_works_again_when_there_is_space() {
    let folder = Folder::new();
    let options = Options::default().max_bytes(300 * 1024);
    let store = SqliteStore::open(folder.db(), options).unwrap();
    let failed = fill(&store).await;
    assert!(failed > 50, "{failed}");
    is_whole_and_works_again(&store, failed).await;
}

#[tokio::test]
async fn what_does_not_fit_fails_alone() {
    let folder = Folder::new();
    let options = Options::default().max_bytes(300 * 1024);
    let store = std::sync::Arc::new(SqliteStore::open(folder.db(), options).unwrap());
    let large = store.insert(
        key(1000),
        vec![0; 1 << 20],
        LATER,
        LATER,
        Default::default(),
    );
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let store = store.clone();
        tasks.spawn(async move { insert(&store, n).await });
    }
    let (large, small) = tokio::join!(large, tasks.join_all());
    assert!(matches!(large, Err(StoreError::Full(_))), "{large:?}");
    for inserted in small {
        inserted.unwrap();
    }
}

/// What runs a program in a mount namespace of its own, if that is allowed here.
fn mount_namespace() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [
        &["unshare", "--mount"],
        &["unshare", "--map-root-user", "--mount"],
    ];
    ways.into_iter().find(|way| {
        let mount = ["mount", "-t", "tmpfs", "tmpfs", "/tmp"];
        let run = Command::new(way[0]).args(&way[1..]).args(mount).output();
        run.is_ok_and(|output| output.status.success())
    })
}

fn mount(arguments: &[&str], path: &Path) {
    let status = Command::new("mount")
        .args(arguments)
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success(), "mount {arguments:?}");
}

#[test]
fn a_full_disk_keeps_what_it_has_and_a_read_only_one_is_told() {
    let Some(namespace) = mount_namespace() else {
        return skip("a small file system needs `unshare --mount`");
    };
    let folder = Folder::new();
    let mut child = child(
        namespace,
        "limits::child_on_a_small_disk",
        "small disk",
        folder.path(),
    );
    assert_finished("small disk", &child.output().unwrap());
}

#[test]
fn child_on_a_small_disk() {
    let Some(disk) = as_child("small disk") else {
        return;
    };
    mount(&["-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs"], &disk);
    let path = disk.join("sessions.db");
    let run = runtime();
    let store = open(&path).unwrap();
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![1; 700 * 1024]).unwrap();
    let failed = run.block_on(fill(&store));
    assert!(failed > 50, "{failed}");
    fs::remove_file(&ballast).unwrap();
    run.block_on(async {
        for n in 0..failed {
            assert!(holds(&store, n).await.unwrap(), "record {n} of {failed}");
        }
        assert!(!holds(&store, failed).await.unwrap(), "nothing half-stored");
        insert(&store, failed).await.unwrap();
        assert!(holds(&store, failed).await.unwrap());
    });
    drop(store);

    // A new store on a disk with nothing left.
    let fresh = disk.join("fresh");
    fs::create_dir(&fresh).unwrap();
    let mut size = 1 << 20;
    let mut rest = fs::File::create(&ballast).unwrap();
    while size > 0 {
        let mut fits = true;
        while fits {
            fits = std::io::Write::write_all(&mut rest, &vec![1; size]).is_ok();
        }
        size /= 4;
    }
    assert_eq!(
        open(&fresh.join("sessions.db")).unwrap_err().code(),
        "store.full"
    );
    drop(rest);
    fs::remove_file(&ballast).unwrap();
    open(&fresh.join("sessions.db")).unwrap();

    mount(&["-o", "remount,ro"], &disk);
    for path in [
        &path,
        &disk.join("other.db"),
        &disk.join("new").join("sessions.db"),
    ] {
        let error = open(path).unwrap_err();
        assert_eq!(error.code(), "store.read_only", "{error}");
    }
    mount(&["-o", "remount,rw"], &disk);
    assert!(run.block_on(holds(&open(&path).unwrap(), failed)).unwrap());
    finished("small disk");
}

#[cfg(unix)]
#[test]
fn missing_rights_are_told_apart_from_other_faults() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = Folder::new();
    runtime().block_on(async { insert(&folder.open().unwrap(), 0).await.unwrap() });
    let rights = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let shared = folder.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::copy(folder.db(), shared.join("sessions.db")).unwrap();
    rights(&shared.join("sessions.db"), 0o444);
    rights(&shared, 0o777);
    rights(&folder.db(), 0o444);
    rights(folder.path(), 0o555);
    // Rights do not bind the superuser.
    let is_root = fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0);
    let user: &[&str] = if is_root {
        &[
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ]
    } else {
        &[]
    };
    // Where the build folder is closed to that user, the binary is copied.
    let exe = std::env::temp_dir().join(format!("valetkey-test-{}", std::process::id()));
    fs::copy(std::env::current_exe().unwrap(), &exe).unwrap();
    rights(&exe, 0o755);
    let words: Vec<_> = user
        .iter()
        .map(|word| (*word).into())
        .chain([exe.clone().into_os_string()])
        .collect();
    let output = Command::new(&words[0])
        .args(&words[1..])
        .args(["limits::child_without_rights", "--exact", "--nocapture"])
        .env("VALETKEY_TEST_ROLE", "no rights")
        .env("VALETKEY_TEST_PATH", folder.path())
        .current_dir("/")
        .output();
    fs::remove_file(&exe).unwrap();
    rights(folder.path(), 0o755);
    match output {
        Ok(output) => {
            assert_finished("no rights", &output);
        }
        Err(error) => skip(&format!("to run without rights needs setpriv: {error}")),
    }
    rights(&folder.db(), 0o644);
    runtime().block_on(async { assert!(holds(&folder.open().unwrap(), 0).await.unwrap()) });
}

#[test]
fn child_without_rights() {
    let Some(folder) = as_child("no rights") else {
        return;
    };
    let before = fs::read(folder.join("sessions.db")).unwrap();
    for name in [
        "sessions.db",
        "new.db",
        "new/sessions.db",
        "shared/sessions.db",
    ] {
        let error = open(&folder.join(name)).unwrap_err();
        assert_eq!(error.code(), "store.read_only", "{name}: {error}");
        assert!(error.message().contains(name), "{error}");
    }
    assert!(fs::read(folder.join("sessions.db")).unwrap() == before);
    finished("no rights");
}
