//! Nodes as an operator sees and steers them.

use crate::world::*;
use holdfast_domain::{NodeId, Seconds};
use holdfast_fleet::NodeMode;
use holdfast_service::{
    ErrorCode,
    admin::{fleet::NodeAct, inputs::EventFilter},
};
use holdfast_store::nodes::{NodeState, Wanted};
use holdfast_testkit::both;

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
}
