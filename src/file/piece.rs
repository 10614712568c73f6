//! Bytes of a recording on their way through memory, wiped when the last one who reads them is done.
//!
//! Belongs here: that memory. Does not: where the bytes come from or go.

use retrocall_words::audio::wipe;

/// Bytes of a recording. They are wiped when this is dropped.
#[derive(Default)]
pub struct Piece(Vec<u8>);

impl Piece {
    /// With room for so many bytes: a larger memory would leave a copy behind in the old one.
    pub fn with_room(bytes: usize) -> Piece {
        Piece(Vec::with_capacity(bytes))
    }

    /// So many zeros, to be read into.
    pub fn zeros(bytes: usize) -> Piece {
        Piece(vec![0; bytes])
    }

    /// Adds bytes. False, and nothing is added, if there is no room for them.
    ///
    /// ```
    /// use retrocall_file::Piece;
    ///
    /// let mut piece = Piece::with_room(4);
    /// assert!(piece.add(b"aud") && piece.add(b"i"));
    /// assert!(!piece.add(b"o"));
    /// assert_eq!(piece.as_ref(), b"audi");
    /// ```
    pub fn add(&mut self, bytes: &[u8]) -> bool {
        let has_room = self.0.capacity() - self.0.len() >= bytes.len();
        if has_room {
            self.0.extend_from_slice(bytes);
        }
        has_room
    }

    /// The bytes, to be read into.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}
