//! The shared library has a name of its own for what is compatible: a program that was linked with it runs with every later one of that name.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libretrocall.so.0");
}
