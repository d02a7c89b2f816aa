//! The memory store keeps the contract that every store keeps, and its bound.

use std::sync::Arc;

use valetkey::store::{
    Index, Leased, MemoryStore, Store, StoreError,
    contract::{self, key},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_store_keeps_the_contract() {
    contract::run(|| {
        let store = Arc::new(MemoryStore::new());
        [store.clone(), store]
    })
    .await;
}

#[tokio::test]
async fn memory_store_refuses_more_than_its_limit_until_something_ends() {
    let store = MemoryStore::with_limit(2);
    let insert = |n: u8, end| store.insert(key(n), vec![n], end, end, Index::default());
    insert(1, 10).await.unwrap();
    insert(2, 20).await.unwrap();
    assert!(matches!(insert(3, 30).await, Err(StoreError::Full(_))));
    assert!(
        store.load(key(1), 1).await.unwrap().is_some(),
        "nobody is evicted"
    );

    assert!(store.spend(key(1), 1, 10).await.unwrap());
    assert!(store.spend(key(2), 1, 20).await.unwrap());
    assert!(matches!(
        store.spend(key(3), 1, 30).await,
        Err(StoreError::Full(_))
    ));
    assert!(
        !store.spend(key(1), 1, 10).await.unwrap(),
        "spent stays spent"
    );

    assert_eq!(store.lease(key(1), 1, 1, 10).await.unwrap(), Leased::Held);
    assert_eq!(store.lease(key(2), 1, 1, 20).await.unwrap(), Leased::Held);
    assert!(matches!(
        store.lease(key(3), 1, 1, 30).await,
        Err(StoreError::Full(_))
    ));
    assert_eq!(store.lease(key(2), 1, 1, 20).await.unwrap(), Leased::Held);

    assert!(
        store.spend(key(3), 10, 30).await.unwrap(),
        "what has ended makes room"
    );
    insert(3, 30).await.unwrap();
    assert_eq!(store.lease(key(3), 1, 10, 30).await.unwrap(), Leased::Held);
    assert!(store.load(key(1), 1).await.unwrap().is_none());
    assert!(store.load(key(2), 10).await.unwrap().is_some());
}
