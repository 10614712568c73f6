//! A disk that can be frozen, so that whoever writes to it waits until it thaws.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::desk::Home;

/// An ext4 file system in a file, mounted over a folder.
pub struct IceBox(PathBuf);

impl IceBox {
    /// None, and a line, where there are no loop devices.
    pub fn over(home: &Home, folder: &Path) -> Option<IceBox> {
        let (image, folder) = (home.beside("disk.img"), folder.to_owned());
        fs::create_dir_all(&folder).expect("a folder");
        fs::File::create(&image).and_then(|file| file.set_len(16 << 20)).expect("a file");
        let run = |program: &str, args: &[&str], path: &Path| {
            Command::new(program).args(args).arg(&image).arg(path).status().is_ok_and(|status| status.success())
        };
        let made = run("mkfs.ext4", &["-q", "-F"], Path::new("16M"));
        if !made || !run("mount", &["-o", "loop"], &folder) {
            crate::skip::skip("there is no mkfs.ext4 or no loop device, so no disk was frozen");
            return None;
        }
        let ours = fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700));
        ours.expect("the folder is ours");
        fs::remove_dir(folder.join("lost+found")).expect("it is empty");
        Some(IceBox(folder))
    }

    pub fn freeze(&self) -> Frozen<'_> {
        let status = Command::new("fsfreeze").arg("-f").arg(&self.0).status().expect("fsfreeze(8)");
        assert!(status.success(), "it does not freeze");
        Frozen(&self.0)
    }
}

impl Drop for IceBox {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Thaws when it is dropped: a test that fails must be able to end, and so must its engine.
pub struct Frozen<'a>(&'a Path);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let _ = Command::new("fsfreeze").arg("-u").arg(self.0).status();
    }
}
