//! The screenless browser: pages.

use valetkey_browser::Page;

/// An HTML page, with its forms and links.
pub fn html_page(data: &[u8]) {
    let html = String::from_utf8_lossy(data);
    let page = Page::made("http://localhost:5000/dir/page?q=1", &html).unwrap();
    for form in page.forms() {
        assert!(page.form(&form.name).is_some());
        for control in &form.controls {
            assert!(form.value(&control.name).is_some());
        }
    }
    for link in page.links() {
        assert!(!link.text.contains('\n'));
    }
    assert!(!page.title().contains('\n'));
    assert!(page.text().lines().all(|line| !line.is_empty()));
}
