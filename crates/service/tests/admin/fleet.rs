//! Nodes as an operator sees and steers them.

use crate::world::*;
use holdfast_domain::{NodeId, Seconds};
use holdfast_fleet::{NodeMode, Presence};
use holdfast_service::{
    ErrorCode,
    admin::{fleet::NodeAct, inputs::EventFilter, look::Look},
};
use holdfast_store::nodes::{NodeState, Wanted};
use holdfast_testkit::both;
use std::sync::Arc;

const ONE: NodeId = NodeId::from_bytes([1; 16]);

both! {
    async fn a_node_is_drained_resumed_and_declared_gone_only_when_it_is_silent(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        assert!(service.nodes(&call.actor).await.unwrap().is_empty());
        world.node(ONE).await;
        let seen = service.nodes(&call.actor).await.unwrap();
        assert_eq!((seen.len(), seen[0].report.mode, seen[0].late), (1, NodeMode::Normal, false));
        let act = |what| service.act_on_node(&call, ONE, what, text("Maintenance"));
        assert_eq!(act(NodeAct::Drain).await.unwrap().wanted, Wanted::Drain);
        assert_eq!(act(NodeAct::Resume).await.unwrap().wanted, Wanted::Serve);
        assert_eq!(act(NodeAct::DeclareGone).await.unwrap_err().code, ErrorCode::StatusConflict, "it was heard of just now");
        world.clock.advance(Seconds(31));
        assert!(service.node_view(&call.actor, ONE).await.unwrap().late);
        let gone = act(NodeAct::DeclareGone).await.unwrap();
        assert_eq!((gone.state, gone.late), (NodeState::Gone, false));
        assert_eq!(act(NodeAct::DeclareGone).await.unwrap_err().code, ErrorCode::StatusConflict);
        let unknown = service.act_on_node(&call, NodeId::from_bytes([9; 16]), NodeAct::Drain, text("Maintenance")).await;
        assert_eq!(unknown.unwrap_err().code, ErrorCode::NotFound);
        let filter = EventFilter { subject: Some(ONE.to_string()), ..EventFilter::default() };
        let log = service.events(&call.actor, filter, page()).await.unwrap().items;
        let actions: Vec<&str> = log.iter().map(|event| event.action.as_str()).collect();
        assert_eq!(actions, ["node.declared_gone", "node.resumed", "node.drained"]);
    }

    async fn the_last_look_says_who_is_there_and_the_marks_tell_that_a_screen_is_old(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        world.node(ONE).await;
        let seen = || async { service.fleet_view(&call.actor).await.unwrap() };
        assert_eq!((seen().await.nodes[0].presence, seen().await.looked_at), (None, None), "nobody has looked yet");
        let before = service.marks().await;
        assert_eq!(service.marks().await, before);
        let rows = Arc::new(service.fleet().await.unwrap());
        let presences = [(ONE, Presence::Suspected)].into();
        service.looked(Look { at: service.now(), rows, told_at: service.now(), presences, findings: Vec::new() });
        assert_eq!((seen().await.nodes[0].presence, seen().await.told_at), (Some(Presence::Suspected), None));
        let suspected = service.marks().await;
        assert_ne!(suspected.fleet, before.fleet);
        assert_eq!(suspected.alerts, before.alerts);
        service.act_on_node(&call, ONE, NodeAct::Drain, text("Maintenance")).await.unwrap();
        let drained = service.marks().await;
        assert_ne!(drained.fleet, suspected.fleet);
        world.alert().await;
        assert_ne!(service.marks().await.alerts, drained.alerts);
    }
}
