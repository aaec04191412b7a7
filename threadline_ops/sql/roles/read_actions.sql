-- Apart from the others, because an old install has no actions; the block is a literal, as where roles are created.
do {body}
