-- A key as asked for, in the text that baselines have of it: 0042 and 42, or a uuid in capitals, are one key.
select {texts} from (select {values}) as {row} ({names})
