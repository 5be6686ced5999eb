//! The procedure from target to verdict (being built).
