//! The library for C as `make install` leaves it, and programs that are built with it as an integrator builds them.
//!
//! Belongs here: installing, compiling, what stands in the libraries. Does not: what the programs do.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::{
    desk::{Desk, Ran},
    skip,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What a program is compiled with, whatever it is.
const STRICT: [&str; 5] = ["-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// How a program has the library.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// In it.
    Static,
    /// Beside it.
    Shared,
}

pub const STATIC: Link = Link::Static;
pub const SHARED: Link = Link::Shared;

/// An installed library.
pub struct Library {
    root: PathBuf,
}

/// The library, installed once. None, and a line that says so, where there is nothing to build it with.
pub fn library() -> Option<&'static Library> {
    static INSTALLED: OnceLock<Option<Library>> = OnceLock::new();
    INSTALLED.get_or_init(Library::install).as_ref()
}

impl Library {
    fn install() -> Option<Library> {
        if !["cc", "c++", "make", "pkg-config"].into_iter().all(skip::is_installed) {
            return None;
        }
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("installed");
        let _ = fs::remove_dir_all(&root);
        let mut make = Command::new("make");
        make.args(["--no-print-directory", "install", "PROFILE=dev", "PREFIX=/usr"]).current_dir(ROOT);
        make.arg(format!("DESTDIR={}", root.display()));
        make.arg(format!("CARGO={}", env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())));
        // What `make test` gives to the `make` in it is not meant for this one.
        for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
            make.env_remove(name);
        }
        let made = make.output().expect("make runs");
        assert!(made.status.success(), "make install: {}", String::from_utf8_lossy(&made.stderr));
        Some(Library { root })
    }

    /// A file of it.
    fn file(&self, name: &str) -> PathBuf {
        self.root.join("usr/lib").join(name)
    }

    fn header(&self) -> String {
        fs::read_to_string(self.root.join("usr/include/retrocall.h")).expect("the header is installed")
    }

    /// What `pkg-config` says of it.
    fn flags(&self, ask: &[&str]) -> Vec<String> {
        let mut command = Command::new("pkg-config");
        command.args(ask).arg("retrocall").env("PKG_CONFIG_SYSROOT_DIR", &self.root);
        command.env("PKG_CONFIG_LIBDIR", self.file("pkgconfig"));
        let ran = Ran::of(command);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout.split_whitespace().map(str::to_owned).collect()
    }

    /// Builds a program with it: C or C++ of this standard.
    pub fn build(&self, source: &str, name: &str, standard: &str, link: Link) -> PathBuf {
        self.build_with(source, name, standard, link, &[])
    }

    /// The same with these flags more, which come first.
    pub fn build_with(&self, source: &str, name: &str, standard: &str, link: Link, flags: &[&str]) -> PathBuf {
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let mut compiler = match standard.starts_with("c++") {
            true => Command::new("c++"),
            false => Command::new("cc"),
        };
        compiler.args(flags).arg(format!("-std={standard}")).args(STRICT).args(self.flags(&["--cflags"]));
        if standard.starts_with("c++") {
            compiler.args(["-x", "c++"]);
        }
        compiler.args([source, "-x", "none"]).arg("-o").arg(&to).current_dir(ROOT);
        match link {
            Link::Static => {
                let words = self.flags(&["--static", "--libs"]);
                let word = |word: String| if word == "-lretrocall" { "-l:libretrocall.a".to_owned() } else { word };
                compiler.args(words.into_iter().map(word))
            }
            Link::Shared => {
                let here = format!("-Wl,-rpath,{}", self.file("").display());
                compiler.args(self.flags(&["--libs"])).args([&here, "-lpthread"])
            }
        };
        let ran = Ran::of(compiler);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        to
    }
}

/// The names that a file defines for others.
fn names(nm: &[&str], file: &Path) -> Vec<String> {
    let mut command = Command::new("nm");
    command.args(nm).arg(file);
    let ran = Ran::of(command);
    let mut names: Vec<String> =
        ran.stdout.lines().filter_map(|line| Some(line.split_once(" T ")?.1.to_owned())).collect();
    let others = ran.stdout.lines().filter(|line| line.split(' ').count() > 2 && !line.contains(" T "));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&str>::new(), "{}", file.display());
    names.sort();
    names
}

#[test]
fn the_libraries_show_the_functions_of_the_header_and_no_other_name_of_theirs() {
    let Some(library) = library() else { return };
    let header = library.header();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut functions: Vec<String> = header
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once('(')?.0.rsplit(|c| !is_name(c)).next().map(str::to_owned))
        .filter(|name| name.starts_with("retrocall_"))
        .collect();
    functions.sort();
    assert!(functions.len() > 25, "{functions:?}");
    assert_eq!(names(&["-g", "--defined-only"], &library.file("libretrocall.a")), functions);
    assert_eq!(names(&["-D", "--defined-only"], &library.file("libretrocall.so")), functions);
    // The name by which programs ask for it, and a file of the version.
    let version = library.flags(&["--modversion"]).concat();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    for (link, to) in [
        ("libretrocall.so", "libretrocall.so.0".to_owned()),
        ("libretrocall.so.0", format!("libretrocall.so.{version}")),
    ] {
        assert_eq!(fs::read_link(library.file(link)).expect("a link"), Path::new(&to));
    }
    let program = library.build("tests/shared/growing.c", "asks-for-it", "c99", SHARED);
    let bytes = fs::read(program).expect("a program");
    assert!(bytes.windows(18).any(|name| name == b"libretrocall.so.0\0"), "it asks for the compatible name");
}

#[test]
fn a_program_of_another_version_whose_structures_have_a_field_more_or_fewer_runs_with_this_library() {
    let Some(library) = library() else { return };
    let desk = Desk::open(&["--one-in", "0"]);
    let header = library.header();
    let ours = "  int exempt;\n} retrocall_status;";
    let (last, ends) = ("  int informed;\n} retrocall_options;", "} retrocall_options;");
    assert!(header.contains(ours) && header.contains(last), "the last fields are these");
    let fewer = header.replace(ours, "} retrocall_status;").replace(last, ends);
    let more = header
        .replace(ours, &format!("  int exempt;\n  uint64_t newer;\n{}", "} retrocall_status;"))
        .replace(ends, "  uint64_t newer;\n} retrocall_options;");
    for (name, header, flags) in [("same", &header, &[][..]), ("fewer", &fewer, &[]), ("more", &more, &["-DNEWER"])] {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("header-{name}"));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("retrocall.h"), header).expect("a header");
        let include = format!("-I{}", folder.display());
        for link in [STATIC, SHARED] {
            let flags = [&[include.as_str()], flags].concat();
            let name = format!("growing-{name}-{link:?}");
            let mut command = Command::new(library.build_with("tests/shared/growing.c", &name, "c99", link, &flags));
            command.arg(desk.socket());
            let ran = Ran::of(command);
            assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{name}");
        }
    }
    desk.stop();
}
