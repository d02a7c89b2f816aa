//! A small browser without a screen: cookie jar, redirects and forms, for walks, exercises and tests.
