use std::path::PathBuf;

use super::*;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("keepset-counts-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("counts.sqlite")
    }

    fn counts(&self, most: u32) -> Counts {
        Counts::open(&self.file(), most, 28, || Some([7; 32])).unwrap()
    }

    /// Everything that lies in the folder, as bytes.
    fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(&self.0).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn at(day: &str) -> Timestamp {
    Timestamp::from_date(day).unwrap()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_visitor_has_so_many_in_a_period_and_nobody_is_known_in_the_next() {
    let folder = Folder::new("period");
    let (counts, now) = (folder.counts(2), at("2026-11-01"));
    assert_eq!([(); 2].map(|()| counts.take(b"ann", now)), [Granted::Yes; 2]);
    let Granted::UsedUp(seconds) = counts.take(b"ann", now) else { panic!("a third one") };
    assert_eq!(counts.take(b"bob", now), Granted::Yes, "each has their own");
    assert_eq!(counts.visitors(), Ok(2));
    let next = now.saturating_add(i64::try_from(seconds).unwrap() * 1_000);
    assert!(matches!(counts.take(b"ann", next.saturating_add(-1)), Granted::UsedUp(1)));
    assert_eq!(counts.take(b"ann", next), Granted::Yes);
    assert_eq!(counts.visitors(), Ok(1));
}

#[test]
fn what_was_given_back_may_be_taken_again_and_without_chance_nobody_gets_any() {
    let folder = Folder::new("back");
    let now = at("2026-11-01");
    let counts = folder.counts(1);
    assert_eq!(counts.take(b"ann", now), Granted::Yes);
    counts.give_back(b"ann");
    counts.give_back(b"nobody");
    assert_eq!(counts.take(b"ann", now), Granted::Yes);
    let none = Counts::open(&folder.0.join("none.sqlite"), 1, 28, || None).unwrap();
    assert_eq!(none.take(b"ann", now), Granted::Unavailable);
}

#[test]
fn who_has_had_tokens_is_known_after_a_restart_by_other_settings_and_with_the_clock_set_back() {
    let folder = Folder::new("restart");
    let now = at("2026-11-01");
    assert_eq!(folder.counts(1).take(b"ann", now), Granted::Yes);
    assert!(matches!(folder.counts(1).take(b"ann", now), Granted::UsedUp(_)));
    let shorter = Counts::open(&folder.file(), 1, 1, || Some([8; 32])).unwrap();
    assert!(matches!(shorter.take(b"ann", now.saturating_add(DAY_MS)), Granted::UsedUp(_)));
    assert!(matches!(shorter.take(b"ann", at("2025-01-01")), Granted::UsedUp(_)));
}

#[test]
fn two_issuers_on_one_file_count_together() {
    let folder = Folder::new("two");
    let (one, two, now) = (folder.counts(8), folder.counts(8), at("2026-11-01"));
    let granted = |counts: &Counts| (0..8).filter(|_| counts.take(b"ann", now) == Granted::Yes).count();
    let sum = std::thread::scope(|scope| {
        let other = scope.spawn(|| granted(&two));
        granted(&one) + other.join().unwrap()
    });
    assert_eq!(sum, 8);
}

#[test]
fn no_name_is_in_the_file_and_neither_hash_nor_key_when_the_period_is_over() {
    let folder = Folder::new("forget");
    let (counts, now) = (folder.counts(1), at("2026-11-01"));
    assert_eq!(counts.take(b"a visitor called ann", now), Granted::Yes);
    let name = hidden(&[7; 32], b"a visitor called ann");
    let bytes = folder.bytes();
    assert!(!holds(&bytes, b"a visitor called ann"));
    assert!(holds(&bytes, &name) && holds(&bytes, &[7; 32]), "what is looked for below is there");
    counts.forget(now).unwrap();
    assert_eq!(counts.visitors(), Ok(1), "its period is not over");
    counts.forget(at("2026-12-01")).unwrap();
    let bytes = folder.bytes();
    assert!(!holds(&bytes, &name) && !holds(&bytes, &[7; 32]));
}

#[test]
fn a_file_that_cannot_be_used_gives_nobody_anything() {
    let folder = Folder::new("spoiled");
    let now = at("2026-11-01");
    let open = || Counts::open(&folder.file(), 1, 28, || Some([7; 32])).map(|_| ());
    std::fs::write(folder.file(), "no file of SQLite, but longer than its header: ".repeat(40)).unwrap();
    let counted = open().unwrap_err();
    assert!(counted.contains("others than its owner") || counted.contains("cannot be used"), "{counted}");
    std::fs::remove_file(folder.file()).unwrap();
    let counts = folder.counts(1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode =
            |mode| std::fs::set_permissions(folder.file(), std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(std::fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
        mode(0o644);
        assert!(open().unwrap_err().contains("chmod 600"));
        mode(0o600);
    }
    // Its tables are gone while it is in use.
    counts.lock().execute_batch("DROP TABLE had").unwrap();
    assert_eq!(counts.take(b"ann", now), Granted::Unavailable);
    counts.lock().pragma_update(None, "user_version", FORMAT + 1).unwrap();
    assert!(open().unwrap_err().contains("later version"));
    counts.lock().pragma_update(None, "application_id", 7).unwrap();
    assert!(open().unwrap_err().contains("a file of its own"));
}
