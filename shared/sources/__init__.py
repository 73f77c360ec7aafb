"""The places logs lie in, behind one protocol: Cloud Storage, Firestore, Cloud Logging, and the
local mirror of each. Nothing of a vendor leaves this package but named errors."""
