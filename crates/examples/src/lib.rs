//! Worked examples of people's own code in the storm: one that loses records, one that stalls its group, one that holds.
//!
//! The code is written as it would be for a real cluster; the tests beside it put it through storms.

#[cfg(madsim)]
pub mod billing;
#[cfg(madsim)]
pub mod payments;
#[cfg(madsim)]
pub mod reports;
