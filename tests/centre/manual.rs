//! `docs/many-machines.md`, as it is written: its settings and its commands, typed in their order.
//!
//! Belongs here: what a reader would put in the place of what stands for something. Does not: what is true once it is set up.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use crate::{
    desk::{Desk, Home, wait_for},
    machines::{Link, cluster, wait_until_delivered},
    pressed,
    process::{PASSWORD, Pages},
};

const MANUAL: &str = include_str!("../../docs/many-machines.md");

/// The lines of all blocks of this kind.
fn lines_of(kind: &str) -> impl Iterator<Item = &'static str> {
    let opening = format!("```{kind}");
    let mut is_inside = false;
    MANUAL.lines().filter(move |line| {
        if line.starts_with("```") {
            is_inside = *line == opening;
            return false;
        }
        is_inside
    })
}

/// Words as a shell takes them: what stands between quotes is one, and what follows a number sign is none.
fn words(line: &str) -> Vec<String> {
    let line = line.split_once(" # ").map_or(line, |(typed, _)| typed);
    let mut words = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        match number % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

#[test]
fn a_centre_and_a_site_are_set_up_by_typing_what_the_manual_says() {
    let (centre, desk) = (Home::new(), Desk::open(&["--one-in", "0"]));
    let store = format!("file://{}", centre.beside("store").display());
    let database = cluster().url(&cluster().new_database("retrocall"));
    let settings: String =
        lines_of("toml").take_while(|line| !line.starts_with('[')).flat_map(|line| [line, "\n"]).collect();
    let settings = settings.replace("postgres://desk@db/retrocall", &database).replace("s3://calls/desk", &store);
    assert!(settings.contains(&database) && settings.contains(&store), "{settings}");
    fs::write(centre.path().join("retrocall.toml"), settings).expect("settings");
    // What stands for what only the running system knows.
    let mut known = BTreeMap::<&str, String>::new();
    let (mut pages, mut link, mut typed) = (None, None, 0);
    for line in lines_of("sh") {
        let mut all = words(line).into_iter();
        assert_eq!(all.next().as_deref(), Some("retrocall"), "{line}");
        let mut args: Vec<String> = all.map(|word| known.get(&*word).cloned().unwrap_or(word)).collect();
        let is_at_centre = args.starts_with(&["--home".to_owned(), "/srv/centre".to_owned()]);
        let home: &Home = if is_at_centre { &centre } else { &desk };
        args.drain(..if is_at_centre { 2 } else { 0 });
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        typed += 1;
        match *args {
            ["web"] => {
                let started = Pages::start(&centre);
                known.insert("https://calls.example", format!("http://{}", started.address));
                pages = Some(started);
            }
            ["link"] => {
                pressed(&desk, "anna", 1);
                link = Some(Link::start(&desk));
                wait_until_delivered(&desk);
            }
            ["user", "password", _] => {
                let mut asks: Command = home.command(&args);
                let mut child = asks.stdin(Stdio::piped()).spawn().expect("it starts");
                let twice = format!("{PASSWORD}\n{PASSWORD}\n");
                child.stdin.take().expect("its input").write_all(twice.as_bytes()).expect("it is read");
                assert!(child.wait().expect("it ends").success(), "{line}");
            }
            // It needs a keyboard, and its token in a file: `tests/hotkey` has both.
            ["hotkey", ..] => assert!(home.run(&["hotkey", "--help"]).stdout.contains("--centre"), "{line}"),
            // Without a request there is none of which a site could be let go.
            ["centre", "let-go", ..] => {
                let ran = home.run(&args);
                assert!(ran.code == 1 && ran.stderr.contains("request"), "{line}: {}", ran.stderr);
            }
            _ => {
                let ran = home.run(&[&args[..], &["--json"]].concat());
                assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
                let told = ran.json();
                match *args {
                    ["centre", "code"] => known.insert("CODE", told["code"].as_str().expect("a code").to_owned()),
                    ["join", ..] => known.insert("SITE", told["site"].as_str().expect("a site").to_owned()),
                    _ => None,
                };
            }
        }
    }
    assert!(pages.is_some() && link.is_some() && typed >= 8, "{typed} commands were typed");
    wait_for("the link to be told", || Link::log(&desk).contains("was withdrawn").then_some(()));
}
