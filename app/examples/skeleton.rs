//! Serves the interface alone, to try it in a browser.

#[tokio::main]
async fn main() {
    let state = holdfast_app::ssr::AppState { version: "skeleton" };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3999").await.unwrap();
    axum::serve(listener, holdfast_app::ssr::router(state)).await.unwrap();
}
