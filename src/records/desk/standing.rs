//! How a site stands with its centre.
//!
//! Belongs here: that word. Does not: what follows from it (`sites`, `orders`).

retrocall_words::words! {
    /// How a site stands with its centre.
    pub enum Standing {
        /// It may deliver.
        Enrolled = "enrolled",
        /// An administrator took that from it.
        Withdrawn = "withdrawn",
        /// Two homes used its key: none of them may deliver until it joins anew.
        Quarantined = "quarantined",
    }
}
