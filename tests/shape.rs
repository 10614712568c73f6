//! The shape of the code: how long a file may be, and that no files of one crate need each other in a circle. How long a function may be is
//! clippy's matter (`clippy.toml`); which crate may use which, that of `floors.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Item, UseTree, visit::Visit};

/// Longer files hide that they are about two things.
const LINES_MAX: usize = 500;

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn no_file_is_too_long_to_be_about_one_thing() {
    let mut files = Vec::new();
    ["src", "tests", "benches", "examples"].iter().for_each(|folder| rust_files(&root().join(folder), &mut files));
    assert!(files.len() > 200, "{} files: are they found?", files.len());
    let lines = |path: &PathBuf| fs::read_to_string(path).expect("text").lines().count();
    let long: Vec<_> = files.iter().map(|path| (path, lines(path))).filter(|(_, lines)| *lines > LINES_MAX).collect();
    assert!(long.is_empty(), "over {LINES_MAX} lines: {long:?}");
}

/// The modules of a crate that are files of their own, by their paths within the crate.
type Modules = BTreeMap<Vec<String>, PathBuf>;

fn modules(folder: &Path) -> Modules {
    let mut files = Vec::new();
    rust_files(folder, &mut files);
    let is_crate_below = |path: &Path| {
        let mut above = path.ancestors().skip(1).take_while(|above| *above != folder);
        above.any(|above| above.join("Cargo.toml").exists())
    };
    files.retain(|path| !is_crate_below(path));
    let path_of = |file: &PathBuf| {
        let inside = file.strip_prefix(folder).expect("a file of the crate").with_extension("");
        let mut names: Vec<String> = inside.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        if names.last().is_some_and(|name| ["mod", "lib", "main"].contains(&&**name)) {
            names.pop();
        }
        names
    };
    files.iter().map(|file| (path_of(file), file.clone())).collect()
}

/// What one file names: the paths in it, and under which path each name that it imports is known.
#[derive(Default)]
struct Names {
    paths: Vec<Vec<String>>,
    imports: BTreeMap<String, Vec<String>>,
}

impl Names {
    fn of(file: &Path) -> Names {
        let text = fs::read_to_string(file).expect("text");
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut names = Names::default();
        names.visit_file(&parsed);
        names
    }

    fn import(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&with(&path.ident), &path.tree),
            UseTree::Name(name) if name.ident == "self" => self.imported(before.to_vec(), before.last().cloned()),
            UseTree::Name(name) => self.imported(with(&name.ident), Some(name.ident.to_string())),
            UseTree::Rename(rename) if rename.ident == "self" => {
                self.imported(before.to_vec(), Some(rename.rename.to_string()));
            }
            UseTree::Rename(rename) => self.imported(with(&rename.ident), Some(rename.rename.to_string())),
            UseTree::Glob(_) => self.paths.push(before.to_vec()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(before, tree)),
        }
    }

    fn imported(&mut self, path: Vec<String>, name: Option<String>) {
        self.paths.push(path.clone());
        if let Some(name) = name {
            self.imports.insert(name, path);
        }
    }
}

impl Visit<'_> for Names {
    fn visit_item(&mut self, item: &Item) {
        // What tests need is no part of the shape.
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
        };
        match item {
            Item::Mod(module) if module.attrs.iter().any(is_test) => {}
            Item::Use(import) => self.import(&[], &import.tree),
            _ => syn::visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }
}

/// The file of the crate in which what this path names is defined, seen from `module`. None if that is another crate's, or a file above:
/// a module and those below it are one thing, told by the one above.
fn defined_in(
    modules: &Modules,
    names: &BTreeMap<Vec<String>, Names>,
    module: &[String],
    path: &[String],
) -> Option<Vec<String>> {
    let mut at = module.to_vec();
    let mut rest = path;
    match rest.first()?.as_str() {
        "crate" => (at, rest) = (Vec::new(), &rest[1..]),
        "self" => rest = &rest[1..],
        "super" => {}
        first => {
            // A name that is imported has been looked at where it is imported; a module below may be named as it is.
            at.push(first.to_owned());
            if !modules.contains_key(&at) {
                return None;
            }
            rest = &rest[1..];
        }
    }
    while let Some(("super", others)) = rest.split_first().map(|(first, others)| (first.as_str(), others)) {
        at.pop();
        rest = others;
    }
    while let Some((first, others)) = rest.split_first() {
        let below = [&at[..], std::slice::from_ref(first)].concat();
        if !modules.contains_key(&below) {
            break;
        }
        (at, rest) = (below, others);
    }
    // What a module above only hands on is defined where it has it from.
    if let (Some(name), true) = (rest.first(), module.starts_with(&at) && at != module)
        && let Some(from) = names.get(&at).and_then(|names| names.imports.get(name))
        && from != path
    {
        return defined_in(modules, names, &at, from);
    }
    Some(at).filter(|at| !module.starts_with(at))
}

/// Files that need each other: each reaches all others of its circle.
fn circles(uses: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Vec<Vec<&Vec<String>>> {
    let reached = |from: &Vec<String>| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            for other in uses.get(module).into_iter().flatten() {
                if seen.insert(other) {
                    next.push(other);
                }
            }
        }
        seen
    };
    let all: BTreeMap<&Vec<String>, _> = uses.keys().map(|module| (module, reached(module))).collect();
    let circle = |module: &&Vec<String>| -> Vec<&Vec<String>> {
        let both = |other: &&Vec<String>| all[module].contains(*other) && all[other].contains(*module);
        all.keys().copied().filter(both).collect()
    };
    let found: BTreeSet<_> = all.keys().map(circle).filter(|circle| circle.len() > 1).collect();
    found.into_iter().collect()
}

#[test]
fn no_files_of_a_crate_need_each_other_in_a_circle() {
    let mut manifests: Vec<PathBuf> = fs::read_dir(root().join("src"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("Cargo.toml").exists())
        .collect();
    manifests.extend(["src/wire/capi", "src/cli"].map(|folder| root().join(folder)));
    let (mut found, mut seen) = (Vec::new(), 0);
    for folder in manifests {
        let modules = modules(&folder);
        let names: BTreeMap<_, _> = modules.iter().map(|(module, file)| (module.clone(), Names::of(file))).collect();
        let mut uses = BTreeMap::new();
        for (module, of) in &names {
            let others = of.paths.iter().filter_map(|path| defined_in(&modules, &names, module, path));
            // A module and those below it are one thing.
            let others: BTreeSet<_> = others.filter(|other| !other.starts_with(module)).collect();
            seen += others.len();
            uses.insert(module.clone(), others);
        }
        for circle in circles(&uses) {
            let circle: Vec<String> = circle.into_iter().map(|module| module.join("/")).collect();
            found.push(format!("{}: {}", folder.display(), circle.join(", ")));
        }
    }
    assert!(seen > 300, "{seen} files use one another: are the imports read?");
    assert!(
        found.is_empty(),
        "files that need each other; move what both need into one below them:\n{}",
        found.join("\n")
    );
}
