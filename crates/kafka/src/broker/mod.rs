//! A broker: one process that keeps replicas of partitions and serves clients from those it leads.

pub mod lifecycle;
