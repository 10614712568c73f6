//! Loudness for people.

/// The level of a peak in dBFS: 0.0 is full scale, silence is -96.0.
///
/// ```
/// assert_eq!(retrocall_words::audio::dbfs(32_767).round(), 0.0);
/// assert_eq!(retrocall_words::audio::dbfs(0), -96.0);
/// ```
pub fn dbfs(peak: u16) -> f32 {
    if peak == 0 {
        return -96.0;
    }
    (20.0 * (f32::from(peak) / 32_768.0).log10()).max(-96.0)
}
