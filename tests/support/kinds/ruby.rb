def main(args)
  case args['do']
  when 'hello' then { greeting: "Hello #{args['name']}" }
  when 'error' then { error: 'no', more: 1 }
  when 'fail' then raise 'boom'
  when 'array' then [1, 2]
  when 'text' then 'text'
  when 'exit' then exit! 3
  when 'sleep' then sleep 30
  when 'logs'
    puts "one\ntwo"
    warn 'three'
    puts 'four'
    {}
  when 'env' then args['names'].to_h { |name| [name, ENV[name]] }
  when 'say'
    puts args['text']
    args
  else args
  end
end
