//! Every route, tried as every role and as nobody: the grid is a file, so that a change of rights is a line that changes there.

use axum::http::{Method, StatusCode};

use super::{home::PEOPLE, *};
use crate::routes::ROUTES;

/// What to put in the places of a path: somebody's, somebody else's, and nothing's.
fn places(home: &Home, path: &str) -> Vec<(String, String)> {
    let path = &path.replace("{recording}", "other");
    if path.contains("{id}") {
        let of = [
            ("sampled", home.sampled()),
            ("pressed", home.pressed()),
            ("unknown", "0195f000-0000-7000-8000-000000000000".to_owned()),
        ];
        return of.map(|(name, id)| (path.replace("{id}", name), path.replace("{id}", &id))).into();
    }
    if path.contains("{day}") {
        let of_that_day = path.replace("{day}", "2020-01-01");
        return vec![(of_that_day.clone(), of_that_day)];
    }
    let real = path.replace("{version}", "0").replace("{name}", "style.css");
    vec![(path.to_owned(), real)]
}

/// A word for an answer.
fn word(got: &Got, path: &str) -> &'static str {
    match got.status {
        StatusCode::OK | StatusCode::NO_CONTENT | StatusCode::CREATED => "yes",
        StatusCode::SEE_OTHER if got.header("location").starts_with("/login") && path != "/logout" => "login",
        StatusCode::SEE_OTHER => "yes",
        StatusCode::UNAUTHORIZED => "login",
        StatusCode::FORBIDDEN => "no",
        StatusCode::NOT_FOUND => "-",
        // Who may, sent nothing that could be done, or asked an engine that does not run.
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::SERVICE_UNAVAILABLE => "may",
        status => panic!("{status}: {}", got.text()),
    }
}

/// A home of its own, with a browser and a token for everybody.
struct Stage {
    _home: Home,
    browsers: Vec<Browser>,
}

impl Stage {
    fn of(home: &Home) -> Stage {
        let home = home.copy();
        let browser = |(name, _): (&str, Option<_>)| {
            let mut browser = Browser::of(&home, name);
            browser.show_token(&home, name);
            browser
        };
        Stage { browsers: PEOPLE.map(browser).into(), _home: home }
    }
}

#[test]
fn who_may_reach_what_stands_in_the_grid() {
    let home = Home::new();
    let line = |name: &str, cells: &[&str]| {
        let cells: String = cells.iter().map(|cell| format!("{cell:<10}")).collect();
        format!("{name:<42}{cells}").trim_end().to_owned() + "\n"
    };
    let names: Vec<&str> = PEOPLE
        .iter()
        .map(|(name, role)| role.map_or(*name, |role| if *name == "carla" { "another" } else { role.as_str() }))
        .map(|name| &name[..name.len().min(9)])
        .collect();
    let mut grid = line("", &names);
    let mut stage = Stage::of(&home);
    for route in &ROUTES {
        for (shown, path) in places(&home, route.place) {
            // One home for a row, and for those behind it as long as nothing is done there: what somebody may do changes what the next one may.
            let mut is_changed = false;
            let mut cells = Vec::new();
            for browser in &mut stage.browsers {
                if route.place.ends_with("/audio") {
                    // Who may listen says so first.
                    browser.post(&path.replace("/audio", "/play"), &[]);
                    is_changed = true;
                }
                let got = match route.method {
                    Method::POST => browser.post(&path, &[]),
                    _ => browser.get(&path),
                };
                let word = word(&got, &path);
                is_changed |= route.method == Method::POST && word == "yes" || path == "/login";
                cells.push(word);
            }
            grid += &line(&format!("{} {shown}", route.method), &cells);
            if is_changed {
                stage = Stage::of(&home);
            }
        }
    }
    let known = include_str!("rights.txt");
    assert!(grid == known, "{grid}");
}

#[test]
fn what_a_route_needs_is_asked_before_anything_is_read_of_a_form() {
    let home = Home::new();
    for (name, _) in PEOPLE {
        let mut browser = Browser::of(&home, name);
        let nothing = browser.ask(Method::POST, "/next", &[], None);
        let expected = match name {
            "nobody" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::FORBIDDEN,
        };
        assert_eq!(nothing.status, expected, "{name}");
    }
}
