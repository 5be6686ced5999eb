//! What every back end must do, against real servers. Where there is no server the tests fail, unless `PILOTHOUSE_LAB_SKIP=1` leaves them out by name.

mod docker;
