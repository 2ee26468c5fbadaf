"""What the modules of the HTTP interface share."""

from typing import Annotated

from fastapi import Depends, Request

from hub.bootstrap import Hub


def _hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


HubHere = Annotated[Hub, Depends(_hub)]
"""The hub of the application that serves the request."""
