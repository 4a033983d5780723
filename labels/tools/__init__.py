"""Round trips with annotation tools: a module per tool, which writes passages for it and reads its export."""
