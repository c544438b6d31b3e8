"""Settings, sources, app, server, run."""

from services.api_gateway.adapters import Sources
from services.api_gateway.app import create_app
from services.api_gateway.server import Api, listen
from shared.service import Context, Service, main


async def build(context: Context) -> Service:
    """Wire the service. It consumes nothing, so any number may run, each on its own port."""
    sources = Sources(context.require_database(), context.bus, context.settings, context.clock)
    api = Api(create_app(sources), listen(context.settings.api_port))
    return Service(loops=[api.serve], health=lambda: {"api_port": api.port})


if __name__ == "__main__":
    main("api_gateway", build)
