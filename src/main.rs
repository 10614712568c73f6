//! The program `retrocall`.
fn main() {}
