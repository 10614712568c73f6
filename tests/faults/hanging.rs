//! A disk that hangs in the middle of calls: a real file system that is frozen, so that whoever writes to it waits until it thaws.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use retrocall::protocol::Ask;

use crate::{
    Talk,
    desk::{Desk, Home, Sound},
    disk::{trouble, well},
    rig, row_when, status,
};

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

#[test]
fn a_disk_that_hangs_is_told_to_who_pressed_holds_up_nobody_and_gets_all_of_the_call_when_it_answers() {
    if !crate::skip::is_root("a disk that hangs (mount, fsfreeze)") {
        return;
    }
    let home = Home::new();
    let Some(disk) = IceBox::over(&home, &home.path().join("recordings")) else { return };
    let (seed, _) = rig::random("disk hangs");
    let desk: Desk = home.start(&["--one-in", "0", "--memory", "16MiB"]);
    let [mut first, mut second, mut other] = [1, 2, 3].map(|call| Talk::begin(&desk, "anna", 8_000, 20, seed + call));
    first.speak(1.0);
    first.line.accepted(Ask::Record);
    second.speak(1.0);
    let frozen = disk.freeze();
    first.speak(2.0);
    let text = trouble(&mut first);
    assert!(text.contains("takes longer than") && text.contains("check the disk"), "{text}");
    // Whoever presses now is told at once, and everybody talks on.
    let text = second.line.accepted(Ask::Record).text.expect("words about the disk");
    assert!(text.contains("kept in memory") && text.contains("takes longer than"), "{text}");
    for talk in [&mut first, &mut second, &mut other] {
        talk.speak(2.0);
    }
    first.line.end();
    other.line.end();
    let now = status(&mut desk.client());
    assert_eq!((now.calls, now.commits), (1, 1), "an ended call waits for its disk, another one was wiped");
    assert!(now.disk_trouble.is_some_and(|text| text.contains("takes longer than")));
    drop(frozen);
    well(&mut first);
    Sound::of_recording(&first.line.kept()).assert_is(&first.has_said());
    second.speak(1.0);
    Sound::of_recording(&second.line.end_and_keep()).assert_is(&second.has_said());
    for talk in [&first, &second] {
        row_when(&desk, talk.call(), "complete");
    }
    assert_eq!(desk.run(&["check"]).code, 0);
    desk.stop();
}
