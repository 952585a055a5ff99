//! Mass, energy and momentum rates of a wind from its distance, column, density and velocity.
