"""What Alembic runs: the migrations, on the connection that `tabi.state.migrate` hands over."""

from alembic import context

from tabi.state.migrate import VERSION_TABLE
from tabi.state.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
