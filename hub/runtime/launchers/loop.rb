# Speaks ActionLoop for a Ruby method: `loop.rb SOURCE MAIN` (openwhisk-api §10.7). A line of JSON comes for each run, one goes back.

require 'json'

answers = IO.for_fd(3, 'w')
answers.sync = $stdout.sync = $stderr.sync = true
runs = $stdin.dup
$stdin.reopen(File::NULL)
[runs, answers].each { |stream| stream.set_encoding('UTF-8') }
source, main = ARGV
ARGV.clear

begin
  $LOAD_PATH.unshift(Dir.pwd)
  load source
rescue Exception => error # of whatever kind: the code cannot be run
  warn error.full_message(highlight: false)
  answers.puts JSON.generate({ error: "#{error.class}: #{error.message.gsub("#{Dir.pwd}/", '')}" })
  exit 1
end

unless respond_to?(main, true)
  answers.puts JSON.generate({ error: "Action entrypoint '#{main}' is not a function." })
  exit 1
end

answers.puts '{"ok":true}'
while (line = runs.gets)
  run = JSON.parse(line, max_nesting: false)
  run.each { |name, value| ENV["__OW_#{name.upcase}"] = value unless name == 'value' }
  begin
    result = send(main, run['value'])
    answers.puts JSON.generate(result.nil? ? {} : result, max_nesting: 0)
  rescue StandardError => error
    warn error.full_message(highlight: false)
    answers.puts JSON.generate({ error: error.message })
  end
end
