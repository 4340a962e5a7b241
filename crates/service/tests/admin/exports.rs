//! Exports: what comes out goes back in, and no cell is a formula.

use crate::world::*;
use futures::TryStreamExt as _;
use holdfast_domain::Role;
use holdfast_service::{
    Call, ErrorCode, Result,
    admin::{
        exports::{Export, Format, Rows},
        import::StageImport,
        inputs::{CreateCustomer, CustomerChoice, EventFilter, IssueLicense, LicenseFilter, SeatFilter},
        orders::OrderFilter,
    },
};
use holdfast_testkit::both;
use std::collections::BTreeMap;

fn export(format: Format, with_keys: bool) -> Export {
    Export { rows: Rows::Licenses(LicenseFilter::default()), format, with_keys }
}

async fn read(world: &World, call: &Call, export: Export) -> Result<String> {
    let pieces: Vec<Vec<u8>> = world.service.export(call, export).await?.try_collect().await?;
    Ok(String::from_utf8(pieces.concat()).unwrap())
}

both! {
    async fn an_export_with_keys_imports_as_unchanged(db: TestDb) {
        let world = World::new(&db).await;
        for n in 0..230 {
            let customer = CreateCustomer {
                name: Some(text(if n == 0 { "=cmd|'/c calc'!A1" } else { "Ada, \"the\" first" })),
                email: Some(text(&format!("c{n}@example.com"))),
                external_id: None,
            };
            let customer = Some(CustomerChoice::New(customer));
            let issue = IssueLicense { customer, ..IssueLicense::of(world.plan) };
            world.service.issue_license(&world.call(), issue).await.unwrap();
        }
        let text = read(&world, &world.call(), export(Format::Csv, true)).await.unwrap();
        assert!(text.contains("'=cmd|") && !text.contains(",=cmd"));
        assert_eq!(text.lines().count(), 231);
        let input = StageImport {
            file_name: "again.csv".to_owned(),
            product: world.product,
            plan: None,
            source: None,
            delimiter: None,
            dates: None,
            mapping: BTreeMap::from([
                ("product".to_owned(), holdfast_service::admin::import::columns::Field::Ignore),
            ]),
        };
        let staged = world.service.stage_import(&world.call(), input, text.into_bytes()).await.unwrap();
        assert_eq!(staged.counts.unchanged, 230, "{staged:?}");
    }

    async fn whole_keys_need_the_right_to_see_them_and_are_logged(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        let support = world.member(Role::Support).await;
        let refused = world.service.export(&support, export(Format::Json, true)).await.err().unwrap();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        let masked = read(&world, &support, export(Format::Json, false)).await.unwrap();
        let rows: Vec<serde_json::Value> = serde_json::from_str(&masked).unwrap();
        assert_eq!(rows[0]["key"], format!("…{}", issued.license.key_hint));
        assert!(!masked.contains(&issued.key));
        let whole = read(&world, &world.call(), export(Format::Json, true)).await.unwrap();
        assert!(whole.contains(&issued.key));
        let filter = EventFilter { action: Some("export.made".to_owned()), ..EventFilter::default() };
        let told = world.service.events(&world.system(), filter, page()).await.unwrap().items;
        assert_eq!(told.iter().map(|event| event.data["with_keys"] == true).collect::<Vec<_>>(), [true, false]);
    }

    async fn an_empty_export_is_still_a_document(db: TestDb) {
        let world = World::new(&db).await;
        let json = read(&world, &world.call(), export(Format::Json, false)).await.unwrap();
        assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&json).unwrap().len(), 0);
        let customers = Export { rows: Rows::Customers(None), ..export(Format::Csv, false) };
        let csv = read(&world, &world.call(), customers).await.unwrap();
        assert_eq!(csv, "id,email,name,external_id,created_at\r\n");
    }

    async fn what_was_searched_for_is_logged_but_for_a_key(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        let foreign = IssueLicense { key: Some("of-another-system-1".to_owned()), ..IssueLicense::of(world.plan) };
        world.service.issue_license(&world.call(), foreign).await.unwrap();
        let hint = issued.license.key_hint.as_str();
        for (q, is_key) in
            [(issued.key.as_str(), true), ("of another system 1", true), ("ada@example.com", false), (hint, false)]
        {
            let typed = || Some(q.to_owned());
            for rows in [
                Rows::Licenses(LicenseFilter { q: typed(), ..LicenseFilter::default() }),
                Rows::Customers(typed()),
                Rows::Seats(SeatFilter { q: typed(), ..SeatFilter::default() }),
                Rows::Orders(OrderFilter { q: typed(), ..OrderFilter::default() }),
                Rows::Events(EventFilter { subject: typed(), ..EventFilter::default() }),
            ] {
                let name = if matches!(rows, Rows::Events(_)) { "subject" } else { "q" };
                read(&world, &world.call(), Export { rows, ..export(Format::Json, false) }).await.unwrap();
                let filter = EventFilter { action: Some("export.made".to_owned()), ..EventFilter::default() };
                let told = world.service.events(&world.system(), filter, page()).await.unwrap().items.remove(0).data;
                assert_eq!(told["filter"][name].as_str(), (!is_key).then_some(q), "{told}");
            }
        }
        // A whole key finds its license in an export as it does in a list, and its seats.
        let rows = Rows::Licenses(LicenseFilter { q: Some(issued.key.clone()), ..LicenseFilter::default() });
        let csv = read(&world, &world.call(), Export { rows, ..export(Format::Csv, false) }).await.unwrap();
        assert_eq!(csv.lines().count(), 2, "{csv}");
    }

    async fn a_node_streams_so_many_at_once_until_they_are_read_or_left(db: TestDb) {
        let world = World::new(&db).await;
        world.issue().await;
        let begin = async || world.service.export(&world.call(), export(Format::Csv, false)).await;
        let mut streams = Vec::new();
        for _ in 0..4 {
            streams.push(begin().await.unwrap());
        }
        let refused = begin().await.err().unwrap();
        assert_eq!((refused.code, refused.retry_after.is_some()), (ErrorCode::Busy, true));
        streams.pop();
        let one: Vec<Vec<u8>> = begin().await.unwrap().try_collect().await.unwrap();
        assert_eq!(String::from_utf8(one.concat()).unwrap().lines().count(), 2);
        assert!(begin().await.is_ok(), "the one before is read");
    }
}
