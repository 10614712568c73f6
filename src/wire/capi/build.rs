//! Gives the shared library a name for its compatible versions: a program that was linked with it runs with every later one of that name.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libretrocall.so.0");
}
