//! From a ring to a durable file, as a reviewer, an agent and an administrator would see it go wrong.

mod desk;
mod disk;
mod faults;
mod following;
mod marks;
mod parts;
mod power;
mod recovery;
mod sim;
mod slow;
