//! `src/wire/capi/retrocall.h` is what the functions are. After a change of theirs: `RETROCALL_WRITE_HEADER=1 cargo test --test shared header`.

use std::{env, fs, path::Path};

use cbindgen::{Builder, Config, DocumentationStyle, Language, Layout, Style};

#[test]
fn the_header_is_what_the_functions_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wire/capi");
    let text = "/* retrocall.h: a softphone's end of retrocall. docs/softphone.md is its manual, examples/softphone.c a whole softphone.\n \
                *\n * Generated from src/wire/capi (types.rs, handles.rs, functions.rs, controls.rs): change those, and let the test `header` write it again. */";
    let config = Config {
        language: Language::C,
        cpp_compat: true,
        header: Some(text.to_owned()),
        include_guard: Some("RETROCALL_H".to_owned()),
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        documentation_style: DocumentationStyle::Doxy,
        style: Style::Both,
        usize_is_size_t: true,
        line_length: 110,
        function: cbindgen::FunctionConfig { args: Layout::Auto, ..Default::default() },
        ..Config::default()
    };
    let sources = ["types.rs", "handles.rs", "functions.rs", "controls.rs"].map(|name| folder.join(name));
    let builder = sources.into_iter().fold(Builder::new().with_config(config), Builder::with_src);
    let bindings = builder.generate();
    let mut written = Vec::new();
    bindings.expect("functions for C").write(&mut written);
    let written = String::from_utf8(written).expect("text");
    let path = folder.join("retrocall.h");
    if env::var_os("RETROCALL_WRITE_HEADER").is_some() {
        fs::write(&path, &written).expect("it is written");
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == written, "retrocall.h is not what the functions are: RETROCALL_WRITE_HEADER=1 writes it again");
}
