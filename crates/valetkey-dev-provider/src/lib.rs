//! A local OAuth 2.0 authorization server and resource server for development and tests.
