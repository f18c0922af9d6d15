//! The disk is full, and then it is not: what was acknowledged is there, and what was not was refused.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster::Cluster;
use crate::kept::{Kind, on_both_stores};
use crate::load::Load;
use crate::process::{Folder, Server};

/// A small file system in memory, which is unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one; nobody but root may.
    fn mount(path: &Path) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=192m", "tmpfs"]).arg(path);
        mount.output().ok()?.status.success().then(|| Self(path.to_path_buf()))
    }

    /// Leaves no byte free.
    fn fill(&self) {
        let full =
            std::io::copy(&mut std::io::repeat(1), &mut std::fs::File::create(self.ballast()).unwrap());
        assert_eq!(full.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }

    /// Frees what was filled.
    fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The last process on it may not have gone yet.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

on_both_stores!(a_full_disk_acknowledges_nothing_and_a_freed_one_goes_on);

fn a_full_disk_acknowledges_nothing_and_a_freed_one_goes_on(kind: Kind) {
    let beside = Folder::new();
    let Some(disk) = SmallDisk::mount(&beside.join("disk")) else {
        println!("not tested: this user may not mount a small disk");
        return;
    };
    let cluster = (kind == Kind::Postgres).then(|| Cluster::start_in(&disk.0));
    let store = match &cluster {
        Some(cluster) => cluster.database(),
        None => format!("sqlite:{}", disk.0.join("store.sqlite").display()),
    };
    let (folder, mut load) = (Folder::with_store(store), Load::new());
    let server = Server::start(&folder, load.plan(), &[]);
    for round in 0..3 {
        let told = load.send_while(&[&server], |under| {
            under.wait_for(20);
            disk.fill();
            under.wait_for_refusals(20);
            disk.free();
            // PostgreSQL may have ended over it, and begins again by itself.
            under.wait_for(20);
        });
        load.check(&server, told);
        assert_eq!(folder.held(), load.held(), "round {round}");
    }
}
