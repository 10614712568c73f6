//! `retrocall bench` as it is typed: what comes out is what the help says. Never how fast anything is.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;

fn bench(arguments: &[&str]) -> Output {
    let out = Command::new(env!("CARGO_BIN_EXE_retrocall")).arg("bench").args(arguments).output();
    out.expect("the program runs")
}

fn figures(out: &Output) -> Vec<Value> {
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let figures: Value = serde_json::from_slice(&out.stdout).expect("one line of JSON");
    figures.as_array().expect("one array").clone()
}

fn named<'a>(figures: &'a [Value], name: &str) -> &'a Value {
    figures.iter().find(|figure| figure["name"] == name).unwrap_or_else(|| panic!("there is no figure {name}"))
}

#[test]
fn every_figure_of_a_run_has_a_name_a_value_a_unit_and_says_whether_its_goal_is_met() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("bench.html");
    let out = bench(&["--quick", "--only", "push", "--json", "--html", page.to_str().expect("a path")]);
    let figures = figures(&out);
    for figure in &figures {
        assert!(figure["name"].is_string() && figure["value"].is_f64() && figure["unit"].is_string(), "{figure}");
        let fields = figure.as_object().expect("an object");
        assert!(fields.contains_key("goal") && fields.contains_key("met"), "{figure}");
        match figure["goal"].as_f64() {
            None => assert!(figure["met"].is_null(), "{figure}"),
            Some(goal) => {
                let (value, met) = (figure["value"].as_f64().expect("a number"), figure["met"].as_bool());
                let holds = if figure["goal_is"] == "at-least" { value >= goal } else { value <= goal };
                assert_eq!(met, Some(holds), "{figure}");
            }
        }
    }
    for legs in ["1", "100", "20000"] {
        let push = named(&figures, &format!("push/{legs}"));
        let at = |name: &str| push[name].as_f64().unwrap_or_else(|| panic!("{name} is missing in {push}"));
        let spread = ["p50", "p90", "p99", "p99.9", "p99.99", "max"].map(at);
        assert!(spread.is_sorted(), "{push}");
        for rival in ["memcpy", "ringbuf", "crossbeam", "write", "nothing"] {
            named(&figures, &format!("push/{legs}/{rival}"));
        }
    }
    for goal in ["push/1/times-ringbuf", "push/1/times-write", "push/20000", "push/20000/p99.9"] {
        assert!(named(&figures, goal)["goal"].is_f64(), "{goal} has a goal");
    }
    assert!(named(&figures, "machine/cores")["value"].as_f64().is_some_and(|cores| cores >= 1.0));

    let page = fs::read_to_string(&page).expect("the page is there");
    let rest = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!rest.contains("http") && !rest.contains("src=") && !rest.contains("url("), "a page needs nothing else");
    assert_eq!(page.matches("<svg").count(), 3);
}

#[test]
fn a_table_says_where_it_ran_and_that_rtrb_needs_make_bench() {
    let out = bench(&["--quick", "--only", "held"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).expect("text");
    for part in ["cores", "load", "memory", "make bench", "held/noise", "held/file/talk-8k", "goals met"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(out.stderr.is_empty(), "no bar where there is no terminal");
}

#[test]
fn a_name_that_is_none_is_refused_with_those_that_are() {
    let out = bench(&["--only", "pusj"]);
    assert_eq!(out.status.code(), Some(1));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("push/20000") && said.lines().count() == 1, "{said}");
    let list = bench(&["--list"]);
    assert!(String::from_utf8_lossy(&list.stdout).lines().any(|line| line.starts_with("push/20000 ")));
}

/// An engine of its own is started for these.
#[test]
fn what_is_measured_over_the_socket_has_its_figures_too() {
    let out = bench(&["--quick", "--only", "start", "--only", "write", "--json"]);
    let figures = figures(&out);
    assert_eq!(named(&figures, "start")["goal"], 150.0);
    assert!(named(&figures, "write")["p99.9"].as_f64().is_some_and(|us| us > 0.0));
}
