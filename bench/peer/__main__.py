"""`python -m bench.peer --database-url postgresql+asyncpg://… --port 8100`: one uvicorn worker."""

import argparse

import uvicorn

from bench.peer.app import create_app

if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m bench.peer", description=__doc__)
    arguments.add_argument("--database-url", required=True)
    arguments.add_argument("--port", type=int, default=8100)
    arguments.add_argument("--pool-size", type=int, default=20)
    arguments.add_argument("--session-cache-s", type=float, default=5)
    given = arguments.parse_args()
    uvicorn.run(
        create_app(given.database_url, pool_size=given.pool_size, session_cache_s=given.session_cache_s),
        host="127.0.0.1",
        port=given.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
