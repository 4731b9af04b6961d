"""What `tabi monitor` found, as one page of HTML that needs no network and no script."""

from tabi.monitoring.page.page import page_of
from tabi.monitoring.page.write import KIND, write_page

__all__ = ["KIND", "page_of", "write_page"]
