//! Wipes samples and bytes.

/// Overwrites samples or bytes with zeros in a way that the compiler can't leave out.
///
/// ```
/// let mut samples = [1i16, -2, 3];
/// retrocall_words::audio::wipe(&mut samples);
/// assert_eq!(samples, [0; 3]);
/// ```
pub fn wipe<T: Copy + Default>(of: &mut [T]) {
    of.fill(T::default());
    // The compiler would drop the stores above if nobody looked: this looks.
    std::hint::black_box(of);
}
